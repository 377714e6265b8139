"""What there is to tell in numbers of what a watch sees and knows: containers, and events left out in the kernel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from tiercel.identity.model import IdentityMetrics
from tiercel.watching.source import Source
from tiercel.watching.values import Group, Part, Unit, Value, counter, gauge

_SECOND = 1_000_000_000


def identity_values(metrics: IdentityMetrics) -> Iterator[Value]:
    """Yield how containers were looked up."""
    yield gauge(Part.OWN, "containers", metrics.containers, "Containers known now.", Unit.NONE, Group.STATE)
    yield counter(Part.OWN, "containers_seen", metrics.seen, "Containers met.", Group.STATE)
    yield counter(Part.OWN, "containers_unknown", metrics.unknown, "Containers nobody knew.", Group.STATE)
    yield counter(Part.OWN, "containers_refused", metrics.refused, "Containers not looked up: too many waited.")
    yield counter(Part.OWN, "identity_waits", metrics.waits, "Times that events waited for who a container is.")
    yield counter(Part.OWN, "identity_overdue", metrics.overdue, "Times that they waited in vain.")
    waited = metrics.waited / _SECOND
    yield Value(Part.OWN, "identity_waited", Unit.SECONDS_COUNT, waited, "How long events waited.", counter=True)
    for name, what, counts in (
        ("lookups", "Questions about containers.", metrics.by_resolver),
        ("failures", "Questions that failed.", metrics.failures),
        ("timeouts", "Questions not answered in time.", metrics.timeouts),
    ):
        for resolver, count in sorted(dict(counts).items()):
            yield counter(Part.OWN, f"identity_{name}", count, what, resolver=resolver)


def left_out_values(source: Source) -> Iterator[Value]:
    """Yield how many events the kernel left out, by the filter; nothing for sources without filters."""
    counts = getattr(source, "left_out", None)
    if counts is None:
        return
    help = "Events left out in the kernel, as no rule matches them or as was asked for."
    for field in fields(counts):
        yield counter(Part.OWN, "left_out", getattr(counts, field.name), help, Group.KERNEL, filter=field.name)
