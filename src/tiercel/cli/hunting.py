"""``tiercel hunt``, ``sql`` and ``backtest``."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Add the commands to the top-level ``tiercel`` app."""
