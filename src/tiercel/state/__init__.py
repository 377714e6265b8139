"""State: events decoded into batches, and the processes and descriptors they are about."""
