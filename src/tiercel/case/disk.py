"""What the disk refuses, said so that the user can do something about it."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tiercel.errors import InputError


@contextmanager
def explained(path: Path, undone: str, aside: Path | None = None) -> Iterator[None]:
    """Turn an OSError of the block into an InputError; ``undone`` says what was not done.

    ``aside`` is where the block makes what is to be ``path``: errors name ``path`` instead, which the user gave.

    Raises:
        InputError: with the path at fault, the reason, and what to do when the disk is full.
    """
    try:
        yield
    except InputError as error:
        if (message := named(str(error), aside, path)) == str(error):
            raise
        raise InputError(message) from None
    except OSError as error:
        place = error.filename if isinstance(error.filename, str | bytes) else path
        where = place.decode("utf-8", "backslashreplace") if isinstance(place, bytes) else place
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            reason = f"no space left on the device; {undone}; make room and repeat"
        else:
            reason = f"{error.strerror or error}; {undone}"
        raise InputError(named(f"{where}: {reason}", aside, path)) from None


def named(message: str, aside: Path | None, path: Path) -> str:
    """Return a message that names what is to be ``path`` by that name, not by where it is made."""
    return message if aside is None else message.replace(str(aside), str(path))
