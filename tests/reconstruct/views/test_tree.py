"""The process tree: who started whom, across fork and exec, with what each did."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from tests.reference import SHARED, needs_reference
from tiercel import scan
from tiercel.capture.scenario import Scenario
from tiercel.cli.main import app
from tiercel.errors import InputError
from tiercel.reconstruct.scene import Scene
from tiercel.reconstruct.schema import ACTS, ALERTS, PROCESSES, empty
from tiercel.reconstruct.views.text_tree import render
from tiercel.reconstruct.views.tree import tree
from tiercel.replay import Replay
from tiercel.store.ingest import ingest
from tiercel.store.manifest import Source
from tiercel.store.store import Store

WEBSHELL = SHARED / "captures/modern/a-seed-webshell/a-seed-webshell.scap"
UPSTREAM = SHARED / "rules/upstream/falco_rules.yaml"


@pytest.fixture(scope="module")
def webshell() -> Scene:
    return Scene.of(Replay(WEBSHELL), alerts=scan(WEBSHELL, UPSTREAM))


def scene(story: Scenario, path: Path) -> Scene:
    story.write(path / "story.scap")
    return Scene.of(Replay(path / "story.scap"))


def rows(table: pa.Table, **wanted: object) -> list[dict[str, Any]]:
    return [row for row in table.to_pylist() if all(row[name] == value for name, value in wanted.items())]


@needs_reference
def test_an_alert_shows_where_it_came_from_and_what_came_of_it(webshell: Scene) -> None:
    (alert,) = [row["alert"] for row in webshell.alerts.to_pylist() if row["rule"] == "Terminal shell in container"]
    found = rows(tree(webshell, alert=alert))
    assert [(row["name"], row["asked"]) for row in found][:7] == [
        ("systemd", False),
        ("bash", False),
        ("script", False),
        ("sh", False),
        ("runc", False),
        ("bash", True),
        ("curl", True),
    ]
    (script,) = [row for row in found if row["name"] == "evil.sh" and row["ran"]]
    assert script["written"] == ["/etc/cron.d/x"]
    assert script["sockets"] == ["to 127.0.0.1:8080"]
    assert script["rules"] == ["Notice: Redirect STDOUT/STDIN to Network Connection in Container"]
    below = [row["ran"] for row in found if row["parent"] == script["process"]]
    assert below == [
        ["cat /etc/shadow"],
        ["cat"],
        [],
        ["cp /bin/bash /tmp/.b"],
        ["chmod u+s /tmp/.b"],
        [".b -c true"],
        ["rm -f /tmp/evil.sh"],
    ]


@needs_reference
def test_a_container_is_shown_under_what_put_processes_into_it(webshell: Scene) -> None:
    found = rows(tree(webshell, container="3f4e"))
    assert {row["container"] for row in found if row["asked"]} == {"3f4e9a1b7c2d"}
    assert {row["container"] for row in found if not row["asked"]} == {""}
    assert "ls" in {row["name"] for row in found}


@needs_reference
def test_it_is_drawn(webshell: Scene) -> None:
    lines = list(render(tree(webshell, pid=2963)))
    assert lines[0] == "systemd[2867]  root  systemd"
    assert "               └─ evil.sh[2963]  evil.sh /tmp/evil.sh" in lines
    assert "                  ├─ evil.sh[2966]  (exit code 1)" in lines
    assert "                  ├─ .b[2969]  .b -c true" in lines
    assert "                  │     ! Critical: Drop and execute new binary in container" in lines
    assert "                  └─ rm[2970]  rm -f /tmp/evil.sh" in lines


@needs_reference
def test_everything_is_there_without_a_choice(webshell: Scene) -> None:
    assert len(rows(tree(webshell))) == webshell.processes.num_rows


def test_several_programs_of_one_process_are_in_a_row(tmp_path: Path) -> None:
    story = Scenario()
    process = story.process("/bin/sh", uid=1000).spawn("/usr/bin/sudo", "-s")
    process.exec("/bin/bash")
    process.exit(signal=9)
    lines = list(render(tree(scene(story, tmp_path), pid=process.tid)))
    assert lines[-1].endswith("sudo -s → bash  (killed by SIGKILL)")


def test_ascii_where_the_terminal_has_nothing_else(tmp_path: Path) -> None:
    story = Scenario()
    shell = story.process("/bin/sh")
    for name in ("one", "two"):
        shell.spawn(f"/bin/{name}").exit()
    lines = list(render(tree(scene(story, tmp_path), pid=shell.tid), unicode=False))
    assert [line.strip()[:2] for line in lines[1:]] == ["`-", "|-", "`-"]
    assert all(line.isascii() for line in lines)


def test_what_is_alike_is_drawn_once(tmp_path: Path) -> None:
    story = Scenario()
    shell = story.process("/bin/sh")
    for _ in range(10):
        shell.spawn("/bin/date").exit()
        shell.spawn("/bin/ls", "/").exit()
    table = tree(scene(story, tmp_path), pid=shell.tid)
    assert table.num_rows == 22
    drawn = [line for line in render(table) if "×10" in line]
    assert [line.rpartition("×10  ")[2] for line in drawn] == ["date", "ls /"]


def test_a_name_cannot_draw(tmp_path: Path) -> None:
    story = Scenario()
    story.process("/bin/sh").spawn("/tmp/\x1b]0;owned\x07").exit()
    assert all(line.isprintable() for line in render(tree(scene(story, tmp_path))))


def test_a_circle_of_parents_ends() -> None:
    row: dict[str, Any] = dict.fromkeys(PROCESSES.names) | {"host": "h", "name": "x", "container": "", "execs": []}
    processes = pa.Table.from_pylist(
        [row | {"process": n, "pid": n, "parent": (n + 1) % 3, "from_start": True} for n in range(3)], schema=PROCESSES
    )
    table = tree(Scene(processes, empty(ACTS), empty(ALERTS)))
    assert sorted(table["process"].to_pylist()) == [0, 1, 2]
    assert len(list(render(table))) == 3


def test_a_deep_tree_is_drawn() -> None:
    row: dict[str, Any] = dict.fromkeys(PROCESSES.names) | {"host": "h", "name": "x", "container": "", "execs": []}
    processes = pa.Table.from_pylist(
        [row | {"process": n, "pid": n, "parent": n - 1 if n else None, "from_start": True} for n in range(3000)],
        schema=PROCESSES,
    )
    assert len(list(render(tree(Scene(processes, empty(ACTS), empty(ALERTS))), 100))) == 3000


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    story = Scenario()
    story.process("/bin/sh").unlink("/x")
    made = scene(story, tmp_path)
    with pytest.raises(InputError, match="no process had the id 7"):
        tree(made, pid=7)
    with pytest.raises(InputError, match="no alert 3"):
        tree(made, alert=3)
    with pytest.raises(InputError, match="container 'web'"):
        tree(made, container="web")


@needs_reference
def test_the_command(tmp_path: Path) -> None:
    path = tmp_path / "store"
    ingest(Store.create(path), Replay(WEBSHELL), Source("e1", WEBSHELL.name))
    result = CliRunner().invoke(app, ["case", "tree", str(path), "--pid", "2963"])
    assert result.exit_code == 0, result.output
    assert "rm -f /tmp/evil.sh" in result.stdout
    result = CliRunner().invoke(app, ["case", "tree", str(path), "--pid", "2963", "--json"])
    assert json.loads(result.stdout.splitlines()[-1])["ran"] == ["rm -f /tmp/evil.sh"]
