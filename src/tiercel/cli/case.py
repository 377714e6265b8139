"""``tiercel case``: the group its commands register on."""

from __future__ import annotations

import typer

app = typer.Typer(
    name="case",
    help="Open and work on a case: evidence, chain of custody, reconstruction, report.",
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
