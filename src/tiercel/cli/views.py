"""``tiercel case timeline|tree|files|network|users|pods|graph|incidents``."""

from __future__ import annotations

import typer


def register_on_case(app: typer.Typer) -> None:
    """Add the commands to the ``tiercel case`` group."""
