"""Fields: what rules and output templates can ask of an event."""
