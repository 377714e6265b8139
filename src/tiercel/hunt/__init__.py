"""Falco conditions, rules and SQL over a store."""
