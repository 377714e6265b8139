"""What processes did, found in batches."""
