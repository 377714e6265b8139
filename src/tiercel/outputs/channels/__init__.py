"""The channels alerts leave by, and what runs them."""
