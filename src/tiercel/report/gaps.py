"""What was not seen, and which conclusions that weakens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from tiercel.report.model import Gap
from tiercel.report.wording import lasting, several

_WEAKENS = {
    "dropped": "That a process, file access or connection is absent in this time proves nothing; chains of processes "
    "may have missing links, and descriptors may bear the name of what they referred to before.",
    "damage": "What happened after the damage is not known; counts and times of last use are lower bounds.",
    "truncated": "The file ends in the middle of the recording: what happened after that is not known; counts and "
    "times of last use are lower bounds.",
    "kept": "It is kept and hashed, but nothing of what it tells is part of the reconstruction.",
    "alerts_truncated": "Values of these alerts may be incomplete; compare them with the capture before quoting them.",
    "outage": "Nothing was recorded in this time; absence proves nothing.",
    "unparsed": "What these lines told is not part of the reconstruction; they are kept in the evidence.",
    "audit": "Only calls that the audit rules asked for are in the log; local addresses, contents and the closing of "
    "descriptors are not.",
    "alerts_only": "An alert log tells what a rule matched, not what happened around it: nothing is known beside what "
    "the alerts name.",
    "unsynchronised": "Times may be off against other evidence; the order between sources is not proven.",
}
_DEFAULT = "Conclusions about this time rest on incomplete evidence."


def gaps(reported: Iterable[Mapping[str, Any]]) -> tuple[Gap, ...]:
    """Return the gaps that manifests report, in order of time, those alike that follow on each other as one.

    Args:
        reported: objects with ``kind`` and ``what``, and where known ``from_ts`` and ``to_ts`` (ns), ``count`` and
            ``evidence``, the name of the piece it is in.
    """
    found = [(_gap(entry), str(entry.get("evidence") or "")) for entry in reported]
    found.sort(key=lambda told: (told[0].first is None, told[0].first or 0))
    merged: list[tuple[Gap, str]] = []
    for gap, name in found:
        if merged and _alike(merged[-1][0], gap):
            before, other = merged[-1]
            merged[-1] = _joined(before, gap), name if name == other else ""
        else:
            merged.append((gap, name))
    return tuple(replace(gap, what=f"{name}: {gap.what}") if name else gap for gap, name in merged)


def _gap(entry: Mapping[str, Any]) -> Gap:
    kind = str(entry.get("kind", ""))
    first, last, count = (_number(entry.get(name)) for name in ("from_ts", "to_ts", "count"))
    return Gap(kind, str(entry.get("what") or kind), _WEAKENS.get(kind, _DEFAULT), first, last, count)


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _alike(one: Gap, other: Gap) -> bool:
    return (
        one.kind == other.kind == "dropped"
        and one.last is not None
        and other.first is not None
        and other.first - one.last < 5_000_000_000
    )


def _joined(one: Gap, other: Gap) -> Gap:
    """Join drops less than 5 s apart: a table of a thousand single ones hides more than it shows."""
    count = (one.count or 0) + (other.count or 0)
    last = max(one.last or 0, other.last or other.first or 0)
    over = lasting(last - (one.first or last))
    return Gap(one.kind, f"{several(count, 'event')} dropped over {over}", one.weakens, one.first, last, count)
