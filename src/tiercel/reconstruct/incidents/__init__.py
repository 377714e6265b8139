"""Incidents: what belongs together, told as a story."""
