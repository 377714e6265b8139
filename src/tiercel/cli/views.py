"""``tiercel case timeline|tree|files|network|users|pods|graph|incidents``."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tiercel.cli.hunting import Container, Host, Pod, Since, Until

if TYPE_CHECKING:
    import pyarrow as pa

    from tiercel.reconstruct.scene import Scene

Directory = Annotated[Path, typer.Argument(metavar="DIR", help="A case, or a store.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
Pid = Annotated[int | None, typer.Option(metavar="N", help="Only this process and what descends from it.")]


def register_on_case(app: typer.Typer) -> None:
    """Add the commands to the ``tiercel case`` group."""
    app.command()(timeline)
    app.command()(tree)


def timeline(
    directory: Directory,
    since: Since = None,
    until: Until = None,
    host: Host = None,
    container: Container = None,
    pod: Pod = None,
    pid: Pid = None,
    kinds: Annotated[
        list[str] | None, typer.Option("--kind", metavar="KIND", help="Only acts of this kind; repeatable.")
    ] = None,
    alerts: Annotated[bool, typer.Option("--alerts", help="Only alerts.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Leave nothing out, collapse nothing.")] = False,
    json_lines: Json = False,
) -> None:
    """Tell what happened in order: programs run, files changed, connections, credentials, alerts.

    What every program does, such as loading libraries, is left out and counted at the end. Times are UTC.
    """
    from tiercel.errors import InputError
    from tiercel.hunt.names import check_names
    from tiercel.reconstruct.kinds import KINDS
    from tiercel.reconstruct.views import text_timeline
    from tiercel.reconstruct.views.timeline import hidden
    from tiercel.reconstruct.views.timeline import timeline as view
    from tiercel.store.store import Store

    if unknown := sorted(set(kinds or ()) - KINDS.keys()):
        raise InputError(f"--kind {unknown[0]}: no such kind of act; there are {', '.join(KINDS)}")
    scene = load(directory, since, until, host)
    table = view(
        scene,
        container=container,
        pod=pod,
        process=_with_pid(scene, pid),
        kinds=kinds or None,
        alerts_only=alerts,
        collapse=not everything,
    )
    if not table.num_rows:
        check_names(Store.open(directory), host, container, pod)
    if json_lines:
        write_rows(table)
        write([json.dumps({"row": "hidden", "hidden": hidden(table)})] if hidden(table) else [])
    else:
        whole = since is None and until is None and host is None  # what other commands number alerts by
        write(text_timeline.render(table, columns(), numbered=whole))


def tree(
    directory: Directory,
    container: Container = None,
    pid: Pid = None,
    alert: Annotated[
        int | None, typer.Option(metavar="N", help="Only the process of this alert, those above and below it.")
    ] = None,
    json_lines: Json = False,
) -> None:
    """Draw the processes as a tree: what each ran, who as, the files it changed, whom it talked to, alerts about it."""
    from tiercel.reconstruct.views import text_tree
    from tiercel.reconstruct.views.tree import tree as view

    table = view(load(directory), pid=pid, container=container, alert=alert)
    show(table, text_tree.render(table, columns(), unicode=_unicode()), json_lines)


def load(
    directory: Path,
    since: str | None = None,
    until: str | None = None,
    host: str | None = None,
    container: str | None = None,
    pod: str | None = None,
) -> Scene:
    """Return the scene of a case or store, or of the part of it that options ask for."""
    from tiercel.cli.progress import counting
    from tiercel.hunt.names import check_names
    from tiercel.hunt.start import select
    from tiercel.reconstruct.scene import Scene
    from tiercel.store.store import Store

    store = Store.open(directory)
    chosen = select(store, since, until, host, container, pod)
    with counting(directory.name, results=False) as progress:
        scene = Scene.load(
            store,
            since=chosen.since,
            until=chosen.until,
            host=host,
            container=container,
            pod=pod,
            progress=progress,
        )
    if not (scene.processes.num_rows or scene.acts.num_rows or scene.alerts.num_rows):
        check_names(store, host, container, pod)
    return scene


def _with_pid(scene: Scene, pid: int | None) -> list[int] | None:
    from tiercel.errors import InputError

    if pid is None:
        return None
    found = [row for row, own in enumerate(scene.processes["pid"].to_pylist()) if own == pid]
    if not found:
        raise InputError(f"no process had the id {pid} there")
    return found


def write(lines: Iterable[str]) -> None:
    """Print lines; what stdout cannot show is escaped."""
    from tiercel.cli.results import results

    out = results()
    encoding = sys.stdout.encoding or "utf-8"
    for line in lines:
        out.write(line.encode(encoding, "backslashreplace") + b"\n")
    out.flush()


def write_rows(table: pa.Table) -> None:
    """Print a table as one JSON object a line."""
    rows: Iterable[dict[str, Any]] = (row for batch in table.to_batches() for row in batch.to_pylist())
    write(json.dumps(row) for row in rows)


def show(table: pa.Table, lines: Iterable[str], json_lines: bool) -> None:
    """Print a view: its lines, or its rows as JSON."""
    if json_lines:
        write_rows(table)
    else:
        write(lines)


def columns() -> int | None:
    """Return the width of the terminal, None when stdout is none and COLUMNS says nothing."""
    if sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdecimal():
        return shutil.get_terminal_size().columns
    return None


def _unicode() -> bool:
    try:
        "├─ └─ │ → × …".encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
