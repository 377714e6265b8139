"""The scap wire format: what an event is called, which parameters it has, and how old layouts become new ones."""
