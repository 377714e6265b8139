"""Which source a watch takes its events from: eBPF where the kernel allows it, else the audit subsystem."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Literal

from tiercel.rules.model import Rule
from tiercel.sources.live.errors import LiveError
from tiercel.sources.live.introduction import Identity
from tiercel.sources.live.settings import TracingSettings
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
    tracing: TracingSettings | None = None,
    whole: bool = False,
) -> Source:
    """Return the source of a watch for ``rules``, and say which it is and why.

    Args:
        kind: "ebpf" or "audit" for just that one, "auto" for audit where eBPF is not to be had.
        seconds: how long to watch, None for ever.
        say: called with each line for the user.
        identity: tells who containers are; the caller closes it.
        tracing: how the kernel is traced.
        whole: the rules are not all that needs the events: only what ``tracing`` names is left out in the kernel.

    Raises:
        LiveError: the source asked for, or each of them, is not to be had; says why.
    """
    settings = tracing or TracingSettings()

    def ebpf() -> LiveSource:
        source = LiveSource(events_for(rules), seconds, ring_bytes=settings.ring_bytes, identity=identity)
        try:
            source.stream.probe.snaplen = settings.snaplen
            source.filtering = Filtering(settings.drop_failed, settings.groups, settings.caps, whole)
            source.want(rules)
        except BaseException:
            source.close()
            raise
        return source

    source = first_of(kind, ebpf, lambda: AuditSource(rules, seconds, identity=identity), say)
    if isinstance(source, AuditSource):
        for line in source.begin_remarks():
            say(line)
    return source


def first_of(
    kind: Kind, ebpf: Callable[[], Source], audit: Callable[[], Source], say: Callable[[str], None] = log.warning
) -> Source:
    """Return what ``ebpf`` or ``audit`` opens: the one that ``kind`` asks for, else audit where eBPF is not to be had.

    Raises:
        LiveError: the source asked for, or each of them, is not to be had; says why.
    """
    if kind == "audit":
        return audit()
    try:
        return ebpf()
    except LiveError as error:
        if kind == "ebpf":
            raise
        refused = error
    try:
        source = audit()
    except LiveError as error:
        raise LiveError(f"{refused}\nand without eBPF: {error}") from None
    say(f"no eBPF: {refused}")
    return source
