"""State: who and what the events of a batch are about."""
