"""OCSF events, checked against what version 1.8.0 of the schema requires."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.report.exported import HOSTILE, attack, hostile
from tiercel.reconstruct.scene import Scene
from tiercel.report.exports.ocsf import write_ocsf

_BASE = {"activity_id", "category_uid", "class_uid", "metadata", "severity_id", "time", "type_uid"}
# class: category, activities, required attributes, one of which must be there
CLASSES: dict[int, tuple[int, set[int], set[str], set[str]]] = {
    1001: (1, {*range(15), 99}, _BASE | {"actor", "device", "file"}, set()),
    1007: (1, {0, 1, 2, 3, 4, 5, 99}, _BASE | {"actor", "device", "process"}, set()),
    2004: (2, {0, 1, 2, 3, 99}, _BASE | {"finding_info"}, set()),
    4001: (4, {*range(8), 99}, _BASE, {"dst_endpoint", "src_endpoint"}),
}
# attribute: required attributes of its object, one of which must be there
OBJECTS: dict[str, tuple[set[str], set[str]]] = {
    "metadata": ({"product", "version"}, set()),
    "product": (set(), {"name", "uid"}),
    "device": ({"type_id"}, {"ip", "uid", "name", "hostname", "instance_uid", "interface_uid", "interface_name"}),
    "actor": (set(), {"process", "user", "invoked_by", "session", "app_name", "app_uid"}),
    "process": (set(), {"pid", "uid", "cpid"}),
    "parent_process": (set(), {"pid", "uid", "cpid"}),
    "file": ({"name", "type_id"}, set()),
    "file_result": ({"name", "type_id"}, set()),
    "user": (set(), {"account", "name", "uid"}),
    "container": (set(), {"uid", "name"}),
    "image": ({"uid"}, set()),
    "src_endpoint": (set(), {"ip", "uid", "name", "hostname", "svc_name", "domain"}),
    "dst_endpoint": (set(), {"ip", "uid", "name", "hostname", "svc_name", "domain"}),
    "traffic": (set(), {"bytes", "packets"}),
    "connection_info": ({"direction_id"}, set()),
    "finding_info": ({"uid"}, set()),
    "analytic": ({"type_id"}, {"name", "uid"}),
    "attacks": (set(), {"tactic", "technique", "sub_technique"}),
    "technique": (set(), {"name", "uid"}),
    "sub_technique": (set(), {"name", "uid"}),
    "tactic": (set(), {"name", "uid"}),
    "evidences": (set(), {"process", "data", "file", "device", "user", "actor"}),
}
_FREE = {"unmapped", "data"}
_NUMBERS = (
    "_id",
    "_uid",
    "time",
    "port",
    "pid",
    "count",
    "bytes",
    "bytes_in",
    "bytes_out",
    "duration",
    "exit_code",
    "protocol_num",
)


def check(value: dict[str, Any]) -> None:
    category, activities, required, any_of = CLASSES[value["class_uid"]]
    assert required <= value.keys(), required - value.keys()
    assert not any_of or any_of & value.keys()
    assert value["category_uid"] == category
    assert value["activity_id"] in activities
    assert value["type_uid"] == value["class_uid"] * 100 + value["activity_id"]
    assert value["activity_id"] != 99 or value["activity_name"]
    assert value["severity_id"] in range(7)
    assert type(value["time"]) is int
    assert value["metadata"]["version"] == "1.8.0"
    _check_inside(value)


def _check_inside(value: dict[str, Any]) -> None:
    for name, inner in value.items():
        assert inner is not None
        assert not isinstance(inner, int) or isinstance(inner, bool) or name.endswith(_NUMBERS), name
        for one in inner if isinstance(inner, list) else [inner]:
            if isinstance(one, dict) and name not in _FREE:
                required, any_of = OBJECTS[name]
                assert required <= one.keys(), (name, required - one.keys())
                assert not any_of or any_of & one.keys(), name
                _check_inside(one)


def events(scene: Scene, path: Path) -> list[dict[str, Any]]:
    count = write_ocsf(scene, path)
    found = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(found) == count == scene.acts.num_rows + scene.alerts.num_rows
    for event in found:
        check(event)
    return found


def test_an_attack(tmp_path: Path) -> None:
    found = events(attack(), tmp_path / "case.jsonl")
    assert {event["class_uid"] for event in found} == set(CLASSES)
    run = next(event for event in found if event["message"].endswith("[cat /etc/shadow]"))
    assert run["type_name"] == "Process Activity: Launch"
    assert (run["process"]["cmd_line"], run["actor"]["process"]["name"]) == ("cat /etc/shadow", "evil.sh")
    chmod = next(event for event in found if "[u+s" in event["message"])
    assert (chmod["type_name"], chmod["file"]["path"]) == ("File System Activity: Set Security", "/tmp/.b")
    assert "T1548.001" in {shown["id"] for shown in chmod["unmapped"]["attack"]}
    refused = next(event for event in found if event.get("dst_endpoint", {}).get("port") == 4444)
    assert (refused["activity_name"], refused["status"], refused["status_code"]) == ("Refuse", "Failure", "-111")
    listening = next(event for event in found if event["type_name"] == "Network Activity: Listen")
    assert listening["dst_endpoint"] == {"ip": "0.0.0.0", "port": 80}


def test_findings(tmp_path: Path) -> None:
    found = [event for event in events(attack(), tmp_path / "case.jsonl") if event["class_uid"] == 2004]
    assert all(event["is_alert"] for event in found)
    shadow = next(event for event in found if event["finding_info"]["title"] == "Read sensitive file untrusted")
    assert (shadow["severity"], shadow["evidences"][0]["process"]["name"]) == ("Medium", "cat")
    assert shadow["finding_info"]["attacks"] == [
        {"tactic": {"uid": "TA0006", "name": "Credential Access"}, "version": "17"}
    ]
    logged = next(event for event in found if event["finding_info"]["title"] == "Terminal shell")
    assert logged["finding_info"]["attacks"][0]["technique"]["uid"] == "T1059"
    assert logged["evidences"][0]["data"]["proc.aname[2]"] == "bash"
    text = next(event for event in found if event["finding_info"]["title"] == "Alert in text")
    assert text["device"]["hostname"] == "unknown"


def test_sub_techniques(tmp_path: Path) -> None:
    found = events(hostile(), tmp_path / "case.jsonl")
    attacks = next(event["finding_info"]["attacks"] for event in found if event["class_uid"] == 2004)
    assert attacks[0]["technique"] == {"uid": "T1053", "name": "Scheduled Task/Job"}
    assert attacks[0]["sub_technique"] == {"uid": "T1053.003", "name": "Cron"}


def test_hostile_texts_come_back_as_they_are(tmp_path: Path) -> None:
    found = events(hostile(), tmp_path / "case.jsonl")
    assert set(HOSTILE) <= {event.get("actor", {}).get("process", {}).get("name") for event in found}
    assert (tmp_path / "case.jsonl").read_bytes().isascii()


def test_nothing(tmp_path: Path) -> None:
    assert events(Scene(), tmp_path / "empty.jsonl") == []
