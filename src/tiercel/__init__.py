"""Falco-compatible runtime detection and forensics."""

__version__ = "0.1.0"
