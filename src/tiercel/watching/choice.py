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
    refused: LiveError | None = None
    tracing = tracing or TracingSettings()
    if kind != "audit":
        try:
            source = LiveSource(events_for(rules), seconds, ring_bytes=tracing.ring_bytes, identity=identity)
            source.stream.probe.snaplen = tracing.snaplen
            source.filtering = Filtering(tracing.drop_failed, tracing.groups, tracing.caps, whole)
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
