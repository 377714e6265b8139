"""The provenance graph: who acted on what."""
