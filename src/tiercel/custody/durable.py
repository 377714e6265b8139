"""Files that are replaced at once and survive a crash."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

_SMALL = 64 << 10


def replace_file(path: Path, content: bytes) -> None:
    """Put ``content`` in the place of a file, whole or not at all. ``sync`` of its folder then makes the name durable.

    Raises:
        OSError: it could not be written; then the file is as it was.
    """
    part = path.with_name(path.name + ".new")
    try:
        part.unlink(missing_ok=True)  # left by a crash; or a link that leads elsewhere, in a case from strangers
        with part.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def read_small(path: Path) -> bytes:
    """Return the content of a file that cannot be larger than 64 KiB.

    Raises:
        OSError: it cannot be read, is larger or no regular file.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "not a regular file")
    with path.open("rb") as file:
        content = file.read(_SMALL + 1)
    if len(content) > _SMALL:
        raise OSError(errno.EFBIG, f"larger than {_SMALL:,} bytes")
    return content
