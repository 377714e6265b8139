"""``--store`` of ``tiercel watch``: its options, and how it is set up."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tiercel.errors import InputError

if TYPE_CHECKING:
    from tiercel.watching.storing import Storing

_SIZES = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_TIMES = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def _size(text: str) -> int:
    """Read a size such as ``10GB`` or ``500MiB``, in bytes; 1024 of each make the next."""
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,6})?)\s*([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    if found is None:
        raise typer.BadParameter(f"'{text}' is no size: write 500MB or 20GB")
    return int(float(found[1]) * _SIZES[found[2].upper()])


def _seconds(text: str) -> int:
    """Read a time such as ``12h`` or ``30d``, in seconds."""
    found = re.fullmatch(r"(\d{1,9})\s*([smhd])", text.strip())
    if found is None:
        raise typer.BadParameter(f"'{text}' is no time: write 12h or 30d")
    return int(found[1]) * _TIMES[found[2]]


Store = Annotated[
    Path | None, typer.Option("--store", metavar="DIR", help="Store all events and alerts there, for hunts later on.")
]
MaxSize = Annotated[
    int | None,
    typer.Option("--store-max-size", metavar="SIZE", parser=_size, help="Remove the oldest when they take more: 20GB."),
]
MaxAge = Annotated[
    int | None,
    typer.Option("--store-max-age", metavar="TIME", parser=_seconds, help="Remove what is older: 30d."),
]
Every = Annotated[
    int | None,
    typer.Option("--store-every", metavar="TIME", parser=_seconds, help="Make what came searchable this often: 10m."),
]


def storing(folder: Path | None, max_size: int | None, max_age: int | None, every: int | None) -> list[Storing]:
    """Set up what stores events; nothing without a folder.

    Raises:
        InputError: the folder cannot be used, what storing takes is not installed, or there are bounds and no folder.
    """
    if folder is None:
        if any(option is not None for option in (max_size, max_age, every)):
            raise InputError("--store-max-size, --store-max-age and --store-every are about a store: give --store DIR")
        return []
    from tiercel.watching.storing import EVERY, StoreSettings, Storing

    return [Storing(StoreSettings(folder, max_size or 0, float(max_age or 0), float(every or EVERY)))]
