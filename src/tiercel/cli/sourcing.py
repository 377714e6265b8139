"""Where the events of a watch come from: the kernel by eBPF or audit, with an eye on who its containers are."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tiercel.config import Config
    from tiercel.identity.identity import Identity
    from tiercel.rules.model import Rule
    from tiercel.watching.source import Source


class SourceKind(StrEnum):
    AUTO = "auto"
    EBPF = "ebpf"
    AUDIT = "audit"


From = Annotated[
    SourceKind,
    typer.Option("--source", help="eBPF, the audit subsystem, or audit only where eBPF is not to be had."),
]


_PRIORITY = -15


def take_precedence() -> None:
    """Go before others from here on: what is watched must not keep the watcher from its turn, or events are lost."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, _PRIORITY)


@contextmanager
def live_source(
    kind: SourceKind, rules: Sequence[Rule], seconds: float | None, config: Config, whole: bool
) -> Iterator[tuple[Source, Identity]]:
    """Open the source of a watch, and what tells its containers; both are closed in the end.

    Args:
        whole: the rules are not all that needs its events.

    Raises:
        LiveError: the source asked for is not to be had.
    """
    from tiercel.identity.identity import Identity
    from tiercel.watching.choice import pick_source

    if kind is SourceKind.AUTO and config.tracing.audit:
        kind = SourceKind.AUDIT
    take_precedence()
    with (
        closing(Identity(config.identity)) as identity,
        closing(pick_source(kind.value, rules, seconds, say, identity, config.tracing, whole)) as source,
    ):
        yield source, identity


def say(line: str) -> None:
    """Tell the user."""
    print(f"tiercel: {line}", file=sys.stderr)
