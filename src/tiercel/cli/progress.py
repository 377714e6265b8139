"""A progress bar over the bytes of files, on stderr and only on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Progress(Protocol):
    def __call__(self, events: int) -> None:
        """Say how many events have been read."""


@contextmanager
def counting(what: str, unit: str = "events", results: bool = True) -> Iterator[Progress]:
    """Show a running count of events, or what ``unit`` says, while the block runs.

    ``results`` says that it prints meanwhile: on a terminal that is progress enough.
    """
    if not sys.stderr.isatty() or (results and sys.stdout.isatty()):
        yield lambda events: None
        return
    from rich.console import Console
    from rich.progress import Progress as Bars
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TextColumn("{task.completed:,} " + unit),
        TimeElapsedColumn(),
    )
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(what, total=None)
        yield lambda events: bars.update(task, completed=events)
