"""``tiercel case new|add|note|status|verify|export|import|reproduce`` and ``tiercel investigate``."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Add the commands to the top-level ``tiercel`` app."""


def register_on_case(app: typer.Typer) -> None:
    """Add the commands to the ``tiercel case`` group."""
