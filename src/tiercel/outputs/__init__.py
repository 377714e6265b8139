"""Alerts and events as text and JSON, and the channels they leave by."""
