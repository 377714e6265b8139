"""OCSF 1.8: one event a line. Acts are Process, File System and Network Activity, alerts are Detection Findings.

References: the schema of OCSF 1.8.0 (github.com/ocsf/ocsf-schema).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import tiercel
from tiercel.reconstruct.kinds import NETWORK
from tiercel.reconstruct.scene import Scene
from tiercel.report.attack import tagged_tactics, tagged_techniques, technique
from tiercel.report.attack_acts import Acts
from tiercel.report.attack_table import ATTACK_VERSION, Known, Tactic
from tiercel.report.exports.ocsf_objects import container_of, device, ends, file, process_object, user
from tiercel.report.exports.rows import People, Row, fields_of, in_order, present, rows, sentence, write_lines

VERSION = "1.8.0"

PROCESS, FILE, NETWORK_ACTIVITY, FINDING = 1007, 1001, 4001, 2004
_CLASSES = {
    PROCESS: (1, "System Activity", "Process Activity"),
    FILE: (1, "System Activity", "File System Activity"),
    NETWORK_ACTIVITY: (4, "Network Activity", "Network Activity"),
    FINDING: (2, "Findings", "Detection Finding"),
}
_OTHER = 99
_PROCESS_ACTIVITIES = {"fork": (1, "Launch"), "exec": (1, "Launch"), "exit": (2, "Terminate"), "ptrace": (3, "Open")}
_FILE_ACTIVITIES = {
    "create": (1, "Create"),
    "link": (1, "Create"),
    "symlink": (1, "Create"),
    "mkdir": (1, "Create"),
    "mknod": (1, "Create"),
    "read": (2, "Read"),
    "open_write": (14, "Open"),
    "open_read": (14, "Open"),
    "write": (3, "Update"),
    "delete": (4, "Delete"),
    "rmdir": (4, "Delete"),
    "rename": (5, "Rename"),
    "chmod": (7, "Set Security"),
    "chown": (7, "Set Security"),
    "mount": (12, "Mount"),
    "umount": (13, "Unmount"),
}
_NETWORK_ACTIVITIES = {
    "connect": (1, "Open"),
    "accept": (1, "Open"),
    "send": (6, "Traffic"),
    "receive": (6, "Traffic"),
    "listen": (7, "Listen"),
}
_SEVERITIES = {
    "Emergency": (6, "Fatal"),
    "Alert": (5, "Critical"),
    "Critical": (5, "Critical"),
    "Error": (4, "High"),
    "Warning": (3, "Medium"),
    "Notice": (2, "Low"),
    "Informational": (1, "Informational"),
    "Debug": (1, "Informational"),
}
_REFUSED = -111  # ECONNREFUSED


def write_ocsf(scene: Scene, path: Path) -> int:
    """Write acts and alerts as OCSF events, one JSON object a line; returns how many.

    Raises:
        InputError: the file cannot be written.
    """
    return write_lines(path, events(scene))


def events(scene: Scene) -> Iterator[Row]:
    """Yield the events in order of time."""
    people = People(scene)
    techniques = Acts(rows(scene.acts))
    for sort, row in in_order(scene):
        yield _activity(row, people, techniques) if sort == "act" else _finding(row, people)


def _base(number: int, activity: tuple[int, str], row: Row, severity: tuple[int, str], key: str) -> Row:
    category, category_name, name = _CLASSES[number]
    return {
        "class_uid": number,
        "class_name": name,
        "category_uid": category,
        "category_name": category_name,
        "activity_id": activity[0],
        "activity_name": activity[1],
        "type_uid": number * 100 + activity[0],
        "type_name": f"{name}: {activity[1]}",
        "severity_id": severity[0],
        "severity": severity[1],
        "time": (row["ts"] or 0) // 1_000_000,
        "metadata": {
            "version": VERSION,
            "product": {"name": "tiercel", "vendor_name": "tiercel", "version": tiercel.__version__},
            "uid": key,
            "profiles": ["container", "host"],
        }
        | present({"log_name": row["evidence"]}),
    }


def _activity(act: Row, people: People, techniques: Acts) -> Row:
    process = people.get(act["process"])
    number, activity = _class(act, process)
    event = _base(number, activity, act, (1, "Informational"), f"act-{act['act']}")
    event |= {
        "message": sentence(act),
        "status_id": 2 if act["ok"] is False else 1,
        "status": "Failure" if act["ok"] is False else "Success",
        "device": device(act["host"]),
        "actor": _actor(act, process, people),
    } | present({"status_code": None if act["res"] is None else str(act["res"])})
    if (act["count"] or 1) > 1:
        last = max(act["ts"], act["last_ts"] or act["ts"]) // 1_000_000
        event |= {"count": act["count"], "start_time": event["time"], "end_time": last}
        event["duration"] = last - event["time"]
    if number == FILE:
        event["file"] = file(act["object"], act["kind"])
        if act["target"] and act["kind"] == "rename":
            event["file_result"] = file(act["target"], act["kind"])
    elif number == NETWORK_ACTIVITY:
        event |= ends(act)
    else:
        event["process"] = process_object(process, people) or {"pid": act["pid"]}
        if act["kind"] in ("exec", "fork"):
            event["actor"] = _launcher(act, process, people)
        elif act["kind"] == "exit" and process is not None and process["exit"] is not None:
            event["exit_code"] = process["exit"] >> 8
    # the technique of a single act is no finding: it stays beside what the schema has no place for
    shown = [{"id": identity, "because": because} for identity, because in techniques.of(act).items()]
    kept = {"kind": act["kind"], "ts": act["ts"], "num": act["num"], "detail": act["detail"], "target": act["target"]}
    event["unmapped"] = present(kept | {"inode": act["inode"], "attack": shown})
    return event


def _class(act: Row, process: Row | None) -> tuple[int, tuple[int, str]]:
    """Return class and activity of an act; what misses a required part of its class is an activity of its process."""
    kind = act["kind"]
    if kind in NETWORK and ends(act):
        activity = _NETWORK_ACTIVITIES.get(kind, (_OTHER, kind))
        if act["ok"] is False and kind == "connect":
            activity = (5, "Refuse") if act["res"] == _REFUSED else (4, "Fail")
        return NETWORK_ACTIVITY, activity
    if kind in _FILE_ACTIVITIES and act["object"]:
        return FILE, _FILE_ACTIVITIES[kind]
    if kind == "credential" and (act["detail"] or "").startswith("setuid"):
        return PROCESS, (5, "Set User ID")
    return PROCESS, _PROCESS_ACTIVITIES.get(kind, (_OTHER, kind or "Other"))


def _actor(act: Row, process: Row | None, people: People) -> Row:
    found = process_object(process, people)
    if found is None:
        found = {"pid": act["pid"]} | present({"name": act["name"]})
    return {"process": found} | present({"user": user(act["user"], act["uid"])})


def _launcher(act: Row, process: Row | None, people: People) -> Row:
    """Return who launched: the parent, itself when none is known."""
    parent = people.parent(process)
    if parent is None:
        return _actor(act, process, people)
    return {"process": process_object(parent, people)} | present({"user": user(parent["user"], parent["uid"])})


def _finding(alert: Row, people: People) -> Row:
    severity = _SEVERITIES.get(alert["priority"] or "", (0, "Unknown"))
    title = alert["rule"] or "Alert in text"
    tactics, known = tagged_tactics(alert["tags"]), tagged_techniques(alert["tags"])
    attacks = [attack(one, tactics) for one in known] or [
        {"tactic": {"uid": tactic.id, "name": tactic.name}, "version": ATTACK_VERSION} for tactic in tactics
    ]
    key = f"alert-{alert['alert']}"
    process = people.get(alert["process"])
    found = process_object(process, people)
    evidences = [{"process": found} | present({"container": container_of(process)})] if found else []
    fields = fields_of(alert)
    if fields:
        evidences.append({"data": fields})
    event = _base(FINDING, (1, "Create"), alert, severity, key)
    return (
        event
        | {
            "is_alert": True,
            "status_id": 1,
            "status": "New",
            "message": alert["output"] or title,
            "device": device(alert["host"]),
            "finding_info": {"uid": key, "title": title, "analytic": {"name": title, "type_id": 1, "type": "Rule"}}
            | present(
                {
                    "desc": alert["output"],
                    "attacks": attacks,
                    "data_sources": [alert["source"]] if alert["source"] else None,
                }
            ),
        }
        | present(
            {
                "evidences": evidences,
                "unmapped": present(
                    {
                        "ts": alert["ts"],
                        "num": alert["num"],
                        "act": alert["act"],
                        "tags": list(alert["tags"] or ()),
                        "kind": alert["kind"],
                        "truncated": alert["truncated"],
                    }
                ),
            }
        )
    )


def attack(known: Known, named: list[Tactic]) -> Row:
    """Return the attack object of a technique; of its tactics that which a rule names, else the most usual one."""
    tactic = next((one for one in named if one in known.tactics), known.tactics[0] if known.tactics else None)
    found: Row = {"version": ATTACK_VERSION}
    if tactic is not None:
        found["tactic"] = {"uid": tactic.id, "name": tactic.name}
    if known.parent is None:
        return found | {"technique": {"uid": known.id, "name": known.name}}
    above = technique(known.parent)
    return found | {
        "technique": {"uid": above.id, "name": above.name},
        "sub_technique": {"uid": known.id, "name": known.name.removeprefix(f"{above.name}: ")},
    }
