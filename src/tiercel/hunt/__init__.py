"""Conditions, rules and queries over stored segments."""
