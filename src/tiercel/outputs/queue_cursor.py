"""How far an output has come, in a file that is replaced as a whole."""

from __future__ import annotations

import os
import zlib
from pathlib import Path


class Cursor:
    """The number of the last record an output is done with."""

    def __init__(self, folder: Path, name: str) -> None:
        self.path = folder / f"{name}.cursor"

    def load(self) -> int | None:
        """Return the number; None when there is no file, 0 when it is damaged: better sent twice than never."""
        try:
            text = self.path.read_bytes()
        except FileNotFoundError:
            return None
        number, _, crc = text.strip().partition(b" ")
        if not number.isdigit() or len(number) > 20 or crc != b"%08x" % zlib.crc32(number):
            return 0
        return int(number)

    def save(self, number: int, durable: bool = False) -> None:
        """Write the number. Only the first time must it be on the disk at once: an older one repeats alerts.

        Raises:
            OSError: it cannot be written; the old one stands.
        """
        text = b"%d" % number
        part = self.path.with_suffix(".part")
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, b"%b %08x\n" % (text, zlib.crc32(text)))
            if durable:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(part, self.path)
        if durable:
            sync_folder(self.path.parent)


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk.

    Raises:
        OSError: it cannot be done.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
