"""A process tree as text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from tiercel.reconstruct.wording.printable import clip, printable

_MOST = 6  # files, sockets and alerts told per process
_SHORT_ID = 12
_TOLD = ("ran", "written", "sockets")


@dataclass(frozen=True, slots=True)
class _Marks:
    """What a tree is drawn with."""

    branch: str
    last: str
    down: str
    arrow: str
    times: str
    more: str


_BOXES = _Marks("├─ ", "└─ ", "│  ", " → ", "×", "…")
_ASCII = _Marks("|- ", "`- ", "|  ", " -> ", "x", "...")


@dataclass(slots=True)
class _Node:
    row: dict[str, Any]
    children: list[_Node] = field(default_factory=list)


def render(table: pa.Table, columns: int | None = None, unicode: bool = True) -> Iterator[str]:
    """Yield the lines of a tree.

    Args:
        table: as :func:`tiercel.reconstruct.views.tree.tree` returns it.
        columns: width of the terminal; None cuts nothing.
        unicode: False draws with ASCII alone.
    """
    marks = _BOXES if unicode else _ASCII
    nodes = {row["process"]: _Node(row) for row in table.to_pylist()}
    roots: list[_Node] = []
    for node in nodes.values():
        parent = nodes.get(node.row["parent"]) if node.row["parent"] is not None else None
        (roots if parent is None else parent.children).append(node)
    several = len({node.row["host"] for node in nodes.values()}) > 1
    waiting: list[tuple[list[_Node], dict[str, Any] | None, str, str]] = []
    for group in reversed(_grouped(roots)):
        waiting.append((group, None, "", ""))
    while waiting:  # a deep tree must not end in deep recursion
        group, above, first, rest = waiting.pop()
        node = group[0]
        children = _grouped(node.children)
        yield _cut(first + _label(group, above, several, marks), columns, marks)
        for line in _notes(node.row, marks):
            yield _cut(rest + (marks.down if children else "   ") + line, columns, marks)
        for place, child in reversed(list(enumerate(children))):
            last = place == len(children) - 1
            branch = marks.last if last else marks.branch
            waiting.append((child, node.row, rest + branch, rest + ("   " if last else marks.down)))


def _cut(line: str, columns: int | None, marks: _Marks) -> str:
    return line if columns is None else clip(line, columns, marks.more)


_DEEP = 3  # levels below a process that are looked at to find it like another


def _same(node: _Node, deep: int = _DEEP) -> object:
    """Return what processes have in common that are told once, None for one told by itself."""
    row = node.row
    if row["rules"] or not row["ran"] or (node.children and not deep):
        return None
    below = tuple(_same(child, deep - 1) for child in node.children)
    if None in below:
        return None
    return (row["user"], row["ends"], row["container"], *(tuple(row[name]) for name in _TOLD), below)


def _grouped(nodes: list[_Node]) -> list[list[_Node]]:
    """Return the children of a process with those that are alike put together, at the place of the first."""
    groups: dict[object, list[_Node]] = {}
    for node in nodes:
        same = _same(node)
        groups.setdefault(node.row["process"] if same is None else same, []).append(node)
    return list(groups.values())


def _label(group: list[_Node], above: dict[str, Any] | None, several: bool, marks: _Marks) -> str:
    row = group[0].row
    parts = [f"{row['name'] or '?'}[{row['pid']}]"]
    if len(group) > 1:
        parts.append(f"{marks.times}{len(group)}")
    if above is None and several:
        parts.append(f"on {row['host']}")
    if row["user"] and (above is None or above["user"] != row["user"]):
        parts.append(row["user"])
    container = row["container"] if above is None or above["container"] != row["container"] else ""
    if container:
        parts.append(f"in {row['pod'] or row['container_name'] or container[:_SHORT_ID]}")
    parts.append(_what(row, marks))
    if row["end"] is not None and row["ends"] != "exit code 0":
        parts.append(f"({row['ends']})")
    return "  ".join(printable(part) for part in parts if part)


def _what(row: dict[str, Any], marks: _Marks) -> str:
    """Return what a process ran: its command lines in order; nothing for one that went on with its parent's program."""
    if row["ran"]:
        runs = [f"{count}{marks.times} {run}" if count > 1 else run for run, count in _counted(row["ran"])]
        return marks.arrow.join(runs)
    return row["cmdline"] or "" if row["from_start"] else ""


def _counted(runs: list[str | None]) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    for run in runs:
        text = run or "?"
        if found and found[-1][0] == text:
            found[-1] = text, found[-1][1] + 1
        else:
            found.append((text, 1))
    return found


def _notes(row: dict[str, Any], marks: _Marks) -> Iterator[str]:
    """Yield the lines under a process: alerts, files, sockets."""
    for text, count in _counted(row["rules"])[:_MOST]:
        yield printable(f"! {text}" + (f" {marks.times}{count}" if count > 1 else ""))
    if len(_counted(row["rules"])) > _MOST:
        yield f"! {len(row['rules']) - _MOST} more alerts"
    for word, items in (("files", row["written"]), ("talked", row["sockets"])):
        if items:
            more = f" and {len(items) - _MOST} more" if len(items) > _MOST else ""
            yield printable(f"{word}: {', '.join(items[:_MOST])}{more}")
