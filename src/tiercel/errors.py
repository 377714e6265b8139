"""The error a user can do something about."""

from __future__ import annotations


class InputError(Exception):
    """Bad input: what is wrong, where, and what to do, in one line. Ends a command with exit code 1."""
