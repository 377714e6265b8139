"""What tests of live auditing share: whether this host can be audited, and acts under a login of their own.

Audit rules get the login (``auid``) of the acts as a condition, so that tests neither slow the host nor see it.
"""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

from tiercel.errors import InputError
from tiercel.sources.audit_live.auditing import Auditing
from tiercel.sources.audit_live.rules import LOGINUID, Condition

LOGIN = random.Random(os.getpid()).randrange(1 << 24, 1 << 30)
"""Of the acts of this process."""

WITHIN = (Condition(LOGINUID, LOGIN),)


@cache
def _why_not() -> str:
    if os.geteuid() != 0:
        return "takes root"
    try:
        auditing = Auditing()
    except InputError as error:
        return str(error)
    locked = auditing.locked
    auditing.end()
    return "its audit rules are locked" if locked else ""


def auditable(test: Callable[..., None]) -> Callable[..., None]:
    """Mark a test that takes a host that can be audited; it is skipped elsewhere, with the reason."""
    why = _why_not()
    marked: Callable[..., None] = pytest.mark.skipif(bool(why), reason=f"this host cannot be audited: {why}")(test)
    return pytest.mark.privileged(marked)


@contextmanager
def acting(act: Callable[[], object], then: Callable[[], object] = lambda: None) -> Iterator[None]:
    """Do something in a thread of its own under :data:`LOGIN`, and ``then``, whatever became of it, something else."""
    problems: list[BaseException] = []

    def run() -> None:
        try:
            Path("/proc/thread-self/loginuid").write_text(str(LOGIN))
            act()
        except BaseException as problem:
            problems.append(problem)
        finally:
            then()

    thread = threading.Thread(target=run)
    thread.start()
    yield
    thread.join()
    if problems:
        raise problems[0]
