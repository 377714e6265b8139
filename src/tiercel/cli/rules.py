"""``tiercel rules``: check, list and show rules, list fields."""

from __future__ import annotations

import typer

app = typer.Typer(help="Check, list and explain rules and the fields they can use.", no_args_is_help=True)
