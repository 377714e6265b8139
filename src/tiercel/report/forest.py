"""The process tree of a report: the processes of incidents and alerts with all above them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from tiercel.reconstruct.incidents.model import Incident
from tiercel.reconstruct.scene import Scene
from tiercel.report.activity import ordered
from tiercel.report.model import TreeNode
from tiercel.report.wording import several

_MOST = 400


def forest(scene: Scene, incidents: Sequence[Incident]) -> tuple[tuple[TreeNode, ...], str]:
    """Return the roots of the tree, and a sentence on what it leaves out."""
    involved = {process for incident in incidents for process in incident.processes}
    alerts: Counter[int] = Counter(
        number for number in scene.alerts.column("process").to_pylist() if number is not None
    )
    chosen = involved | alerts.keys()
    parents = scene.processes.column("parent").to_pylist()
    wanted: set[int] = set()
    for process in sorted(chosen):
        above: int | None = process
        while above is not None and above not in wanted and len(wanted) < _MOST:
            wanted.add(above)
            above = parents[above]
    rows = {row["process"]: row for row in scene.processes.take(sorted(wanted)).to_pylist()} if wanted else {}
    hidden = scene.processes.num_rows - len(rows)
    left = f"{several(hidden, 'other')} not shown: tiercel case tree" if hidden else "there are no others"
    note = f"Processes of incidents and alerts, with those above them; {left}."
    return _grown(rows, alerts, involved), note


def _grown(rows: dict[int, dict[str, Any]], alerts: Counter[int], involved: set[int]) -> tuple[TreeNode, ...]:
    """Return the nodes, children before parents so that each can hold its own."""
    placed = ordered(rows)
    below: defaultdict[int | None, list[TreeNode]] = defaultdict(list)
    for position in range(len(placed) - 1, -1, -1):
        number, depth = placed[position]
        row = rows[number]
        children = tuple(reversed(below.pop(number, [])))
        node = TreeNode(
            number,
            _label(row),
            row["pid"],
            row["user"] or "",
            _detail(row),
            alerts[number],
            number in involved,
            children,
        )
        below[row["parent"] if depth else None].append(node)
    return tuple(reversed(below[None]))


def _label(row: dict[str, Any]) -> str:
    command = row["cmdline"] or row["name"] or "?"
    ran = [run["cmdline"] for run in row["execs"] or () if run["cmdline"]]
    steps = list(dict.fromkeys([*ran[-3:-1], command])) if ran else [command]
    return " → ".join(step if len(step) <= 160 else step[:159] + "…" for step in steps)


def _detail(row: dict[str, Any]) -> str:
    parts = [f"container {row['container']}"] if row["container"] else []
    if row["exit"] is not None:
        code, signal = row["exit"] >> 8, row["exit"] & 0x7F
        if signal:
            parts.append(f"killed by signal {signal}")
        elif code:
            parts.append(f"exit {code}")
    return ", ".join(parts)
