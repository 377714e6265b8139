"""What comes with tiercel: rules."""

from __future__ import annotations

from pathlib import Path


def rules_path() -> Path:
    """Return the path of the rules that run when none are given."""
    return Path(__file__).with_name("rules.yaml")
