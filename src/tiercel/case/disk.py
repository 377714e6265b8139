"""What the disk refuses, said so that the user can do something about it."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tiercel.errors import InputError


@contextmanager
def explained(path: Path, undone: str) -> Iterator[None]:
    """Turn an OSError of the block into an InputError; ``undone`` says what was not done.

    Raises:
        InputError: with the path at fault, the reason, and what to do when the disk is full.
    """
    try:
        yield
    except OSError as error:
        place = error.filename if isinstance(error.filename, str | bytes) else path
        where = place.decode("utf-8", "backslashreplace") if isinstance(place, bytes) else place
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            reason = f"no space left on the device; {undone}; make room and repeat"
        else:
            reason = f"{error.strerror or error}; {undone}"
        raise InputError(f"{where}: {reason}") from None
