"""Which source a watch takes its events from: eBPF where the kernel allows it, else the audit subsystem."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Literal

from tiercel.rules.model import Rule
from tiercel.sources.live.errors import LiveError
from tiercel.sources.live.introduction import Identity
from tiercel.watching.audit import AuditSource
from tiercel.watching.ebpf import LiveSource
from tiercel.watching.source import Source
from tiercel.watching.wanted import Filtering, events_for

log = logging.getLogger(__name__)

Kind = Literal["auto", "ebpf", "audit"]


def pick_source(
    kind: Kind,
    rules: Sequence[Rule],
    seconds: float | None = None,
    say: Callable[[str], None] = log.warning,
    identity: Identity | None = None,
    filtering: Filtering | None = None,
) -> Source:
    """Return the source of a watch for ``rules``, and say which it is and why.

    Args:
        kind: "ebpf" or "audit" for just that one, "auto" for audit where eBPF is not to be had.
        seconds: how long to watch, None for ever.
        say: called with each line for the user.
        identity: tells who containers are; the caller closes it.
        filtering: what may be left out in the kernel, by default nothing.

    Raises:
        LiveError: the source asked for, or each of them, is not to be had; says why.
    """
    refused: LiveError | None = None
    if kind != "audit":
        try:
            source = LiveSource(events_for(rules), seconds, identity=identity)
            source.filtering = filtering
            try:
                source.want(rules)
            except BaseException:
                source.close()
                raise
        except LiveError as error:
            if kind == "ebpf":
                raise
            refused = error
        else:
            return source
    try:
        audit = AuditSource(rules, seconds, identity=identity)
    except LiveError as error:
        if refused is None:
            raise
        raise LiveError(f"{refused}\nand without eBPF: {error}") from None
    if refused is not None:
        say(f"no eBPF: {refused}")
    for line in audit.begin_remarks():
        say(line)
    return audit
