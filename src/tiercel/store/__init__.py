"""Segments: tracked batches kept as Parquet."""
