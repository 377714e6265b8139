"""How acts, times and amounts are said."""
