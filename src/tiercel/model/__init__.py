"""The tables everything else speaks of: batches of events, versions of processes and descriptors, the host."""
