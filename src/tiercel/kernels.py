"""Whether the kernels run compiled, and the notice that they do not."""

from __future__ import annotations

import logging
from functools import cache

from tiercel.sources import decode
from tiercel.state import track

LOG = logging.getLogger("tiercel")


def compiled() -> bool:
    """Return whether the modules in which most of the time goes run compiled.

    They are compiled together or not at all, so the decoder and the tracker speak for the others.
    """
    return not any((module.__file__ or "").endswith(".py") for module in (decode, track))


@cache
def tell_if_slow() -> None:
    """Log, once in the life of the process, that the kernels run as plain Python and what helps."""
    if not compiled():
        LOG.warning("the kernels are not compiled, so this is slower: install a C compiler and install tiercel again")
