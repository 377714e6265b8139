"""Timesketch takes what is written: its importer's rules, spelled out."""

from __future__ import annotations

import codecs
import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.report.exported import HOSTILE, attack, hostile
from tiercel.errors import InputError
from tiercel.reconstruct.scene import Scene
from tiercel.report.exports.timesketch import write_timesketch


def imported(path: Path) -> list[dict[str, Any]]:
    """Read a timeline as the import client does: through ``codecs``, which breaks lines where ``open`` does not."""
    assert path.name.endswith(".jsonl")
    events = []
    with codecs.open(str(path), "r", encoding="utf-8", errors="replace") as file:
        for line in file:
            event = json.loads(line.strip())
            assert {"message", "datetime", "timestamp_desc"} <= event.keys()
            assert not {"_id", "_type", "_index", "_source", "__ts_timeline_id"} & event.keys()
            assert all(isinstance(event[name], str) and event[name] for name in ("message", "timestamp_desc"))
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00", event["datetime"])
            moment = datetime.fromisoformat(event["datetime"])
            assert round(moment.timestamp() * 1_000_000) == event["timestamp"]
            assert isinstance(event.get("tag", []), list)
            for name, value in event.items():
                assert re.fullmatch(r"[A-Za-z0-9_]+", name), name
                assert isinstance(value, str | int | list), name
            events.append(event)
    return events


def test_an_attack(tmp_path: Path) -> None:
    scene = attack()
    count = write_timesketch(scene, tmp_path / "case.jsonl")
    events = imported(tmp_path / "case.jsonl")
    assert count == len(events) == scene.acts.num_rows + scene.alerts.num_rows
    times = [event["timestamp"] for event in events]
    assert times == sorted(times)
    [cron] = [event for event in events if event.get("path") == "/etc/cron.d/x" and event["action"] == "create"]
    assert cron["message"].startswith("evil.sh (pid ")
    assert cron["message"].endswith("created /etc/cron.d/x")
    assert (cron["timestamp_desc"], cron["data_type"]) == ("Created", "tiercel:act:create")
    assert (cron["tag"], cron["container_id"], cron["hostname"]) == (["T1053.003"], "3f4e9a1b7c2d", "node-1")
    [beyond] = [event for event in events if event.get("remote_port") == 4444]
    assert (beyond["remote_ip"], beyond["success"], beyond["protocol"]) == ("203.0.113.9", False, "tcp")


def test_alerts(tmp_path: Path) -> None:
    write_timesketch(attack(), tmp_path / "case.jsonl")
    alerts = [event for event in imported(tmp_path / "case.jsonl") if event["data_type"] == "tiercel:alert"]
    shadow = next(event for event in alerts if event["rule"] == "Read sensitive file untrusted")
    assert (shadow["process_name"], shadow["command_line"]) == ("cat", "cat /etc/shadow")
    logged = next(event for event in alerts if event.get("rule") == "Terminal shell")
    assert logged["tag"] == ["alert", "T1059"]
    # one field is of one type in all events, and no field is the beginning of another
    assert (logged["falco_evt_time"], logged["falco_proc_aname_2"], logged["falco_list"]) == ("1", "bash", '[1,"a"]')
    assert "falco_k8s_pod_name" not in logged


def test_hostile_texts_come_back_as_they_are(tmp_path: Path) -> None:
    scene = hostile()
    assert write_timesketch(scene, tmp_path / "case.jsonl") == scene.acts.num_rows + scene.alerts.num_rows
    events = imported(tmp_path / "case.jsonl")
    assert set(HOSTILE) <= {event.get("process_name") for event in events}
    assert (tmp_path / "case.jsonl").read_bytes().isascii()


def test_types_of_fields_are_the_same_in_all_events(tmp_path: Path) -> None:
    kinds: dict[str, set[type]] = {}
    for number, scene in enumerate((attack(), hostile())):
        write_timesketch(scene, tmp_path / f"{number}.jsonl")
        for event in imported(tmp_path / f"{number}.jsonl"):
            for name, value in event.items():
                kinds.setdefault(name, set()).add(type(value))
    assert {name for name, types in kinds.items() if len(types) > 1} == set()


def test_nothing(tmp_path: Path) -> None:
    assert write_timesketch(Scene(), tmp_path / "empty.jsonl") == 0
    assert (tmp_path / "empty.jsonl").read_bytes() == b""


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        write_timesketch(Scene(), tmp_path / "none" / "x.jsonl")
