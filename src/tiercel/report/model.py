"""What a report says, as plain data: every form of the report (HTML, Markdown, JSON) is a rendering of it.

Times are int64 ns since the epoch, sizes bytes. Texts come from evidence and are not escaped here.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Technique:
    """A technique of MITRE ATT&CK and what speaks for it."""

    id: str
    name: str
    tactic: str
    count: int
    because: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One sentence of an incident's story. ``acts`` and ``alerts`` are their numbers in the scene."""

    ts: int
    phase: str
    text: str
    acts: tuple[int, ...] = ()
    alerts: tuple[int, ...] = ()
    priority: str = ""  # the gravest of its alerts


@dataclass(frozen=True, slots=True)
class Mark:
    """One thing on the line of a process in a picture."""

    ts: int
    text: str
    alert: bool = False
    priority: str = ""


@dataclass(frozen=True, slots=True)
class Lane:
    """The life of one process in a picture; ``end`` is None when it outlived the recording."""

    process: int
    label: str
    depth: int
    start: int
    end: int | None
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True)
class IncidentPart:
    """One incident."""

    number: int
    title: str
    severity: str
    first: int
    last: int
    hosts: tuple[str, ...]
    containers: tuple[str, ...]
    users: tuple[str, ...]
    phases: tuple[str, ...]
    steps: tuple[Step, ...]
    lanes: tuple[Lane, ...]
    techniques: tuple[Technique, ...]
    alerts: int
    acts: int
    origin: str = ""


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row of one of the report's tables; ``cells`` in the order of the table's columns, ``marked`` to stand out."""

    cells: tuple[str, ...]
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table of texts. ``hidden`` rows were left out; ``note`` says what and where to find them."""

    columns: tuple[str, ...]
    rows: tuple[TableRow, ...]
    hidden: int = 0
    note: str = ""
    mono: frozenset[int] = frozenset()  # columns shown in a fixed-width face


@dataclass(frozen=True, slots=True)
class TreeNode:
    """A process of the process tree."""

    process: int
    label: str
    pid: int
    user: str
    detail: str
    alerts: int
    in_incident: bool
    children: tuple[TreeNode, ...] = ()


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that was not seen, and which conclusions that weakens."""

    kind: str
    what: str
    weakens: str
    first: int | None = None
    last: int | None = None
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Overview:
    """How much happened when: ``counts`` acts in as many equal spans between ``first`` and ``last``."""

    first: int
    last: int
    counts: tuple[int, ...]
    alerts: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """A whole report."""

    title: str
    case_id: str
    examiner: str
    created: int
    summary: tuple[str, ...]
    figures: tuple[tuple[str, str], ...]
    incidents: tuple[IncidentPart, ...]
    overview: Overview | None
    tree: tuple[TreeNode, ...]
    tree_note: str
    files: Table
    network: Table
    users: Table
    pods: Table
    alerts: Table
    indicators: Table
    techniques: tuple[Technique, ...]
    evidence: Table
    custody: Table
    custody_state: str
    tools: tuple[tuple[str, str], ...]
    gaps: tuple[Gap, ...]
    notes: tuple[tuple[int, str, str], ...] = field(default=())  # time, examiner, text
