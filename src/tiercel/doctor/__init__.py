"""What this host supports, and what to do about what it does not."""
