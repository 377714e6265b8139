"""The pictures of a report: activity over the whole time, and each incident as the lives of its processes."""

from __future__ import annotations

import numpy as np
from markupsafe import Markup

from tiercel.report.model import Gap, IncidentPart, Lane, Mark, Overview
from tiercel.report.svg import picture, tag
from tiercel.report.wording import when

WIDTH = 1000.0
_LABELS = 150.0  # room for the names of the processes, left of the lanes
_ROW = 24.0
_TOP = 30.0
_STEPS_NS = [scale * unit for unit in (10**k for k in range(3, 10)) for scale in (1, 2, 5)] + [
    seconds * 1_000_000_000
    for seconds in (10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 43200, 86400, 604800)
]
_GRAVE = frozenset({"Emergency", "Alert", "Critical", "Error"})
MOST_LANES = 60


class Axis:
    """Places times between ``left`` and ``right``; ``ticks`` are round times a reader can count on."""

    def __init__(self, first: int, last: int, left: float, right: float, ticks: int = 7) -> None:
        self.first, self.last = first, max(last, first + 1)
        self.left, self.right = left, right
        span = self.last - self.first
        step = next(
            (step for step in _STEPS_NS if span / step <= ticks),
            _STEPS_NS[-1] * max(1, span // (ticks * _STEPS_NS[-1])),
        )
        begin = -(-self.first // step) * step
        self.ticks = range(begin, self.last + 1, step)
        self.days = span > 86_400 * 10**9

    def x(self, ts: int) -> float:
        """Return where a time is; times outside the span are put at its ends."""
        ts = min(max(ts, self.first), self.last)
        return self.left + (self.right - self.left) * (ts - self.first) / (self.last - self.first)

    def draw(self, top: float, bottom: float) -> list[Markup]:
        """Return the ticks: lines from top to bottom and the times above them."""
        drawn = []
        for ts in self.ticks:
            x = self.x(ts)
            drawn.append(tag("line", x1=x, x2=x, y1=top, y2=bottom, class_="tick"))
            text = when(ts)[:16] if self.days else when(ts, day=False)
            anchor = "start" if x < self.left + 30 else "end" if x > self.right - 30 else "middle"
            drawn.append(tag("text", text, x=x, y=top - 6, class_="time", text_anchor=anchor))
        return drawn


def overview(seen: Overview, gaps: tuple[Gap, ...] = ()) -> Markup:
    """Return how many acts happened when, with the alerts above and the gaps hatched."""
    height, base = 150.0, 128.0
    axis = Axis(seen.first, seen.last, 8, WIDTH - 8)
    parts = [_hatch(), *axis.draw(24, base)]
    for gap in gaps:
        if gap.first is not None and gap.last is not None and gap.last >= seen.first and gap.first <= seen.last:
            x, end = axis.x(gap.first), axis.x(gap.last)
            parts.append(
                tag(
                    "rect", tag("title", gap.what), x=x, y=24.0, width=max(3.0, end - x), height=base - 24, class_="gap"
                )
            )
    most = max(seen.counts, default=0) or 1
    width = (axis.right - axis.left) / max(1, len(seen.counts))
    for k, count in enumerate(seen.counts):
        if count:
            tall = max(1.5, 78.0 * (count / most) ** 0.5)  # the root, so that one busy span does not flatten all others
            parts.append(
                tag(
                    "rect",
                    tag("title", f"{count} acts"),
                    x=axis.left + k * width,
                    y=base - tall,
                    width=max(0.8, width - 0.6),
                    height=tall,
                    class_="bar",
                )
            )
    parts.append(tag("line", x1=axis.left, x2=axis.right, y1=base, y2=base, class_="base"))
    parts.extend(_diamond(axis.x(mark.ts), 36.0, mark) for mark in seen.alerts)
    parts.append(tag("text", "alerts", x=axis.left, y=base + 16, class_="key"))
    parts.append(
        tag(
            "text",
            "bars: acts (height grows with the root of their number)",
            x=axis.right,
            y=base + 16,
            class_="key",
            text_anchor="end",
        )
    )
    return picture(
        WIDTH,
        height,
        "Activity over time",
        f"{len(seen.alerts)} alerts, acts from {when(seen.first)} to {when(seen.last)} UTC",
        *parts,
    )


class Stretched:
    """Places times so that busy moments get room: a pause ten times as long is not drawn ten times as wide."""

    def __init__(self, times: list[int], left: float, right: float) -> None:
        self.knots = np.array(sorted(set(times)) or [0], np.int64)
        widths = 1 + np.log10(np.maximum(1.0, np.diff(self.knots) / 100_000))  # from 0.1 ms on, pauses widen
        places = np.concatenate(([0.0], np.cumsum(widths)))
        self.places = left + (right - left) * places / max(places[-1], 1e-9)
        self.right = right

    def x(self, ts: int) -> float:
        """Return where a time is; times outside are put at the ends."""
        # as distances from the first time: int64 ns since the epoch have more digits than a float
        return float(np.interp(ts - int(self.knots[0]), self.knots - self.knots[0], self.places))

    def draw(self, top: float, bottom: float) -> list[Markup]:
        """Return some of the times with lines from top to bottom, far enough apart to be read."""
        drawn: list[Markup] = []
        free = -1.0
        for ts, x in zip(self.knots.tolist(), self.places.tolist(), strict=True):
            if x >= free and (x <= self.right - 60 or not drawn):
                drawn.append(tag("line", x1=x, x2=x, y1=top, y2=bottom, class_="tick"))
                drawn.append(tag("text", when(ts, day=False), x=x, y=top - 6, class_="time", text_anchor="start"))
                free = x + 84
        return drawn


def lanes(incident: IncidentPart) -> Markup:
    """Return an incident as one line per process, from its start to its end, with its acts and alerts on it."""
    shown = incident.lanes[:MOST_LANES]
    bottom = _TOP + len(shown) * _ROW
    times = [incident.first, incident.last] + [mark.ts for lane in shown for mark in lane.marks]
    axis = Stretched(times, _LABELS + 10, WIDTH - 16)
    parts = axis.draw(_TOP, bottom)
    for k, lane in enumerate(shown):
        parts.extend(_lane(lane, axis, _TOP + k * _ROW + _ROW / 2))
    return picture(
        WIDTH,
        bottom + 8,
        f"Incident {incident.number}: {incident.title}",
        f"{len(shown)} processes from {when(incident.first)} to {when(incident.last)} UTC; diamonds alerts, dots acts",
        *parts,
    )


def _lane(lane: Lane, axis: Stretched, y: float) -> list[Markup]:
    begin, end = axis.x(lane.start), axis.right if lane.end is None else axis.x(lane.end)
    indent = 4 + 10 * min(lane.depth, 9)
    room = int((_LABELS - indent) / 6.7)
    name = lane.label if len(lane.label) <= room else lane.label[: room - 1] + "…"
    parts = [
        tag("line", x1=4.0, x2=axis.right, y1=y + _ROW / 2, y2=y + _ROW / 2, class_="row"),
        tag("text", tag("title", lane.label), name, x=indent, y=y + 4, class_="lane"),
        tag(
            "rect",
            tag("title", lane.label),
            x=begin,
            y=y - 3,
            width=max(3.0, end - begin),
            height=6.0,
            rx=3.0,
            class_="life",
        ),
    ]
    parts += [
        tag(
            "circle",
            tag("title", f"{when(mark.ts, day=False)} {mark.text}"),
            cx=axis.x(mark.ts),
            cy=y,
            r=3.5,
            class_="act",
        )
        for mark in lane.marks
        if not mark.alert
    ]
    return parts + [_diamond(axis.x(mark.ts), y, mark) for mark in lane.marks if mark.alert]


def _diamond(x: float, y: float, mark: Mark) -> Markup:
    grave = "alert grave" if mark.priority in _GRAVE else "alert"
    points = f"{x:.1f},{y - 7:.1f} {x + 6:.1f},{y:.1f} {x:.1f},{y + 7:.1f} {x - 6:.1f},{y:.1f}"
    return tag(
        "polygon", tag("title", f"{when(mark.ts, day=False)} {mark.priority} {mark.text}"), points=points, class_=grave
    )


def _hatch() -> Markup:
    line = tag("line", x1=0, y1=0, x2=0, y2=6, class_="hatch")
    return tag(
        "defs",
        tag(
            "pattern", line, id="hatch", width=6, height=6, patternUnits="userSpaceOnUse", patternTransform="rotate(45)"
        ),
    )
