"""A directory made aside, so that it appears as a whole or not at all."""

from __future__ import annotations

import glob
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tiercel.case.disk import explained
from tiercel.custody.lock import locked
from tiercel.errors import InputError
from tiercel.store.durable import sync


@contextmanager
def appearing(target: Path) -> Iterator[Path]:
    """Yield a directory to fill, which becomes ``target`` when the block ends well and is deleted otherwise.

    What was left by others that did not come to their end is deleted too.

    Raises:
        InputError: ``target`` holds something, or the disk refuses.
    """
    if target.is_symlink() or (target.exists() and (not target.is_dir() or any(target.iterdir()))):
        raise InputError(f"{target}: holds something already; name a directory that does not exist yet")
    whole = target.absolute()
    made = whole.with_name(f".{whole.name}.making-{os.getpid()}")
    with explained(target, "no case was made", made):
        for left in whole.parent.glob(f".{glob.escape(whole.name)}.making-*"):
            with suppress(InputError), locked(left):
                shutil.rmtree(left)
        try:
            made.mkdir(parents=True)
            with locked(made):
                yield made
                os.replace(made, whole)
                sync(whole.parent)
        finally:
            shutil.rmtree(made, ignore_errors=True)
