"""A made-up report for tests of its forms."""

from __future__ import annotations

from tiercel.report.model import (
    Gap,
    IncidentPart,
    Lane,
    Mark,
    Overview,
    Report,
    Step,
    Table,
    TableRow,
    Technique,
    TreeNode,
)

T0 = 1_767_225_618_500_000_000
MS = 1_000_000

HOSTILE = '<script>document.title="owned"</script><img src=x onerror=alert(1)>'
"""A process of this name must stay text wherever it is shown."""


def table(*columns: str, rows: list[tuple[str, ...]], mono: frozenset[int] = frozenset()) -> Table:
    return Table(columns, tuple(TableRow(cells) for cells in rows), mono=mono)


def report(name: str = "evil.sh") -> Report:
    """Return a small report in which a process called ``name`` did everything."""
    technique = Technique("T1105", "Ingress Tool Transfer", "Command and Control", 1, ("curl wrote a file",))
    incident = IncidentPart(
        number=1,
        title=f"{name} in a container",
        severity="Critical",
        first=T0,
        last=T0 + 900 * MS,
        hosts=("node-1",),
        containers=("3f4e9a1b7c2d",),
        users=("root",),
        phases=("Execution",),
        steps=(
            Step(T0, "Execution", f"{name} (pid 42) was started by bash (pid 41).", (1,)),
            Step(T0 + 100 * MS, "Persistence", f"{name} wrote /etc/cron.d/x.", (2,), (1,), "Error"),
        ),
        lanes=(
            Lane(1, "bash", 0, T0 - 100 * MS, T0 + 800 * MS, (Mark(T0, "started"),)),
            Lane(
                2, name, 1, T0, None, (Mark(T0 + 100 * MS, "Write below etc", True, "Error"), Mark(T0 + 300 * MS, "a"))
            ),
        ),
        techniques=(technique,),
        alerts=1,
        acts=2,
    )
    return Report(
        title="Case of the web shell",
        case_id="9a2f",
        examiner="A. Name",
        created=T0 + 10**12,
        summary=(f"One incident was found: {name} in a container.",),
        figures=(("incidents", "1"), ("alerts", "1"), ("events", "18,626")),
        incidents=(incident,),
        overview=Overview(T0 - 10**9, T0 + 10**9, (1, 5, 0, 60, 3), (Mark(T0, "Write below etc", True, "Error"),)),
        tree=(TreeNode(1, "bash", 41, "root", "exit 0", 0, True, (TreeNode(2, name, 42, "root", "", 1, True),)),),
        tree_note="Processes of incidents.",
        files=table("path", "what", rows=[("/etc/cron.d/x", f"created by {name}")], mono=frozenset({0})),
        network=table("from", "to", rows=[("127.0.0.1:33614", "127.0.0.1:8080")]),
        users=table("user", rows=[("root",)]),
        pods=table("container", rows=[("3f4e9a1b7c2d",)]),
        alerts=table(
            "time", "rule", "output", rows=[("00:00", "Write below etc", f"file=/etc/cron.d/x process={name}")]
        ),
        indicators=table("kind", "value", rows=[("path", "/etc/cron.d/x")]),
        techniques=(technique,),
        evidence=table("name", "SHA-256", rows=[("break-in.scap", "ab" * 32)], mono=frozenset({1})),
        custody=table("#", "action", rows=[("0", "case opened")]),
        custody_state="All 3 entries of the ledger are in place, chained and signed.",
        tools=(("tiercel", "0.1.0"),),
        gaps=(Gap("dropped", "12 events were dropped", "what happened then may be missing", T0, T0 + 200 * MS, 12),),
        notes=((T0, "A. Name", f"asked about {name}"),),
    )
