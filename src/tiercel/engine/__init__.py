"""The engine: compiled conditions evaluated over batches or single events, and the rules that match."""
