"""Alerts of logs, tied to what was recorded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.reconstruct.scenes import START, Stage, intrusion, web_container
from tests.reference import SHARED, needs_reference
from tiercel.reconstruct.incidents.find import alone, incidents
from tiercel.reconstruct.linking import SAME_AS, gathered, link, once
from tiercel.reconstruct.raised import counted
from tiercel.reconstruct.scene import Scene
from tiercel.reconstruct.schema import ALERTS
from tiercel.replay import Replay
from tiercel.sources.alert_log import read_alerts


@pytest.fixture
def stage() -> Stage:
    stage = Stage()
    init, _ = web_container(stage)
    intrusion(stage, init)
    for number, alert in enumerate(stage.alerts):
        alert.update(evidence="E1", output=f"01:04:4{number}.000000000: {alert['priority']} {alert['output']}")
    return stage


def logged(stage: Stage, ts: int, rule: str, fields: dict[str, Any] | None = None, **cells: Any) -> int:
    known = {"ts": ts, "num": None, "kind": "log", "evidence": "E2", "output_fields": json.dumps(fields or {})}
    output = f"2026-11-22T01:04:44+0000: Notice {rule} happened"
    return stage.alert(rule, None, "Notice", **({"output": output} | known | cells))


def linked(stage: Stage) -> list[dict[str, Any]]:
    scene = stage.scene()
    rows: list[dict[str, Any]] = link(scene.alerts, scene.acts, scene.processes).to_pylist()
    return rows


def act_of(stage: Stage, kind: str, object: str) -> dict[str, Any]:
    [act] = [act for act in stage.acts if act["kind"] == kind and act["object"] == object]
    return act


@pytest.mark.parametrize("host", ["node-1", "", "falco-x7wz2"])
def test_an_alert_raised_here_and_logged_is_one_with_two_sources(stage: Stage, host: str) -> None:
    raised = stage.alerts[1]
    row = logged(stage, raised["ts"], raised["rule"], host=host)
    found = linked(stage)
    assert found[row][SAME_AS] == 1
    assert (found[row]["act"], found[row]["process"]) == (raised["act"], raised["process"])
    scene = stage.scene()
    kept = once(link(scene.alerts, scene.acts, scene.processes))
    assert kept.schema.equals(ALERTS)
    assert kept["alert"].to_pylist() == list(range(row))
    assert kept["evidence"].to_pylist()[:3] == ["E1", "E1 E2", "E1"]


def test_another_host_another_rule_another_event_or_another_time_is_another_alert(stage: Stage) -> None:
    raised = stage.alerts[1]
    stage.process("init", host="node-2")
    rows = [
        logged(stage, raised["ts"], raised["rule"], host="node-2"),
        logged(stage, raised["ts"], "Another rule"),
        logged(stage, raised["ts"], raised["rule"], {"evt.num": 5}),
        logged(stage, raised["ts"] + 1, raised["rule"]),
    ]
    found = linked(stage)
    assert [found[row][SAME_AS] for row in rows] == [None] * 4


def test_text_alerts_are_the_same_by_their_message(stage: Stage) -> None:
    raised = stage.alerts[1]
    same = logged(stage, raised["ts"], "", output=raised["output"])
    other = logged(stage, raised["ts"], "", output="01:04:41.000000000: Warning something else")
    found = linked(stage)
    assert (found[same][SAME_AS], found[other][SAME_AS]) == (1, None)


def test_two_logs_of_the_same_alert(stage: Stage) -> None:
    first = logged(stage, START, "Rule")
    second = logged(stage, START, "Rule", evidence="E3")
    found = linked(stage)
    assert (found[first][SAME_AS], found[second][SAME_AS]) == (None, first)


def test_of_two_logs_the_one_that_says_more_is_kept(stage: Stage) -> None:
    text = logged(stage, START, "", output="2026-11-22T01:04:44+0000: Notice Rule happened")
    cut = logged(stage, START, "Rule", truncated=True)
    whole = logged(stage, START, "Rule", evidence="E3")
    found = linked(stage)
    assert [found[row][SAME_AS] for row in (text, cut, whole)] == [whole, whole, None]


def test_a_logged_alert_finds_the_act_of_its_time(stage: Stage) -> None:
    act = act_of(stage, "create", "/etc/cron.d/x")
    number = logged(stage, act["ts"], "Write below etc", {"proc.name": "evil.sh"})
    row = linked(stage)[number]
    assert (row["act"], row["process"], row[SAME_AS]) == (act["act"], act["process"], None)


def test_of_several_acts_at_one_time_the_fields_choose(stage: Stage) -> None:
    first = act_of(stage, "create", "/tmp/.s")
    second = act_of(stage, "create", "/tmp/.b")
    second["ts"] = first["ts"]
    by_path = logged(stage, first["ts"], "a", {"fd.name": "/tmp/.b"})
    by_number = logged(stage, first["ts"], "b", {"evt.num": second["num"]})
    by_pid = logged(stage, first["ts"], "c", {"proc.pid": second["pid"]})
    found = linked(stage)
    assert {found[row]["act"] for row in (by_path, by_number, by_pid)} == {second["act"]}


def test_an_act_that_stands_for_several_events(stage: Stage) -> None:
    act = act_of(stage, "open_read", "/etc/shadow")
    act["last_ts"] = act["ts"] + 10**9
    inside = logged(stage, act["ts"] + 5, "a", {"fd.name": "/etc/shadow", "proc.name": "cat"})
    after = logged(stage, act["last_ts"] + 5, "a", {"fd.name": "/etc/shadow", "proc.name": "cat"})
    found = linked(stage)
    assert (found[inside]["act"], found[after]["act"]) == (act["act"], None)


def test_without_an_act_the_process_is_found_by_id_or_by_what_it_ran(stage: Stage) -> None:
    act = act_of(stage, "open_read", "/etc/shadow")
    by_pid = logged(stage, act["ts"] + 1, "a", {"proc.pid": act["pid"]})
    by_command = logged(stage, act["ts"] + 1, "b", {"proc.name": "cat", "proc.cmdline": "cat /etc/shadow"})
    too_early = logged(stage, START, "c", {"proc.pid": act["pid"]})
    unknown = logged(stage, act["ts"] + 1, "d", {"proc.name": "nothing"})
    found = linked(stage)
    assert [found[row]["process"] for row in (by_pid, by_command, too_early, unknown)] == [act["process"]] * 2 + [
        None
    ] * 2


def test_which_of_two_processes_is_not_guessed(stage: Stage) -> None:
    for _ in range(2):
        stage.run("sleep", 0, "sleep 60")
    row = logged(stage, stage.tick(), "a", {"proc.name": "sleep", "proc.cmdline": "sleep 60"})
    assert linked(stage)[row]["process"] is None


def test_what_the_fields_hold_never_spoils_it(stage: Stage) -> None:
    for fields in ('{"proc.pid":true,"fd.name":[],"evt.num":1e30}', "[1]", "{", '{"proc.pid":' + "9" * 40 + "}"):
        logged(stage, stage.ts, "a", output_fields=fields)
    assert len(linked(stage)) == len(stage.alerts)


def test_nothing_to_link() -> None:
    scene = Scene()
    assert link(scene.alerts, scene.acts, scene.processes).num_rows == 0
    assert once(link(scene.alerts, scene.acts, scene.processes)).schema.equals(ALERTS)


@needs_reference
def test_every_alert_of_a_recorded_attack_finds_its_act() -> None:
    folder = SHARED / "captures/modern/a-seed-webshell"
    scene = Scene.of(Replay(folder / "a-seed-webshell.scap"))
    alerts = _as_logged(folder / "alerts-all-enabled-match-all.jsonl")
    found = link(alerts, scene.acts, scene.processes).to_pylist()
    acts = scene.acts.to_pylist()
    by_rule = {row["rule"]: acts[row["act"]] for row in found}
    assert by_rule["Read sensitive file untrusted"]["object"] == "/etc/shadow"
    assert by_rule["Schedule Cron Jobs"]["object"] == "/etc/cron.d/x"
    assert by_rule["Drop and execute new binary in container"]["kind"] == "exec"
    assert by_rule["Set Setuid or Setgid bit"]["kind"] == "chmod"
    assert all(row["process"] == acts[row["act"]]["process"] for row in found)


@needs_reference
def test_a_scene_holds_an_alert_of_a_recording_and_of_a_log_once() -> None:
    folder = SHARED / "captures/modern/a-seed-webshell"
    logged = _as_logged(folder / "alerts-all-enabled-match-all.jsonl")
    raised = logged.set_column(logged.schema.get_field_index("kind"), "kind", pa.array(["rules"] * logged.num_rows))
    raised = raised.set_column(
        raised.schema.get_field_index("evidence"), "evidence", pa.array(["E1"] * logged.num_rows)
    )
    scene = Scene.of(Replay(folder / "a-seed-webshell.scap"), pa.concat_tables([logged, raised.cast(ALERTS)]))
    assert scene.alerts.num_rows == logged.num_rows
    assert set(scene.alerts["evidence"].to_pylist()) == {"E1 E2"}
    assert set(scene.alerts["kind"].to_pylist()) == {"rules"}
    assert scene.alerts["act"].null_count == 0


def _as_logged(path: Path) -> pa.Table:
    rows = [
        {
            "alert": number,
            "ts": record.ts,
            "host": record.hostname,
            "evidence": "E2",
            "rule": record.rule,
            "priority": record.priority,
            "output": record.output,
            "output_fields": json.dumps(record.output_fields),
            "tags": list(record.tags),
            "kind": "log",
            "truncated": record.truncated,
        }
        for number, record in enumerate(read_alerts([path]))
    ]
    return pa.Table.from_pylist(rows, ALERTS)


def test_what_falco_says_of_itself_is_no_alert(stage: Stage) -> None:
    before = len(stage.alerts)
    row = logged(stage, stage.tick(), "Falco internal: syscall event drop", source="internal", host="")
    scene = stage.scene()
    marked = Scene(scene.processes, scene.acts, gathered(scene.alerts, scene.acts, scene.processes))
    assert marked.alerts["kind"][row].as_py() == "internal"
    assert counted(marked.alerts)["alert"].to_pylist() == list(range(before))
    found = incidents(marked)
    assert row not in {alert for incident in found for alert in incident.alerts}
    assert row not in alone(marked, found)
    assert "syscall event drop" not in " ".join(str(incident) for incident in found)
