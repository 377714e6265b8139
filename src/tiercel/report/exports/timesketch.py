"""Timesketch: one event a line, as its importer takes them.

References: ``read_and_validate_jsonl`` and "Create timeline from JSONL" of Timesketch: ``message``, ``datetime`` and
``timestamp_desc`` must be there, ``timestamp`` is in microseconds, ``tag`` a list, and the name ends in ``.jsonl``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tiercel.reconstruct.scene import Scene
from tiercel.report.attack import tagged_techniques
from tiercel.report.attack_acts import Acts
from tiercel.report.exports.rows import PHRASES as _PHRASES
from tiercel.report.exports.rows import (
    People,
    Row,
    dumps,
    fields_of,
    in_order,
    iso,
    present,
    rows,
    sentence,
    write_lines,
)


def write_timesketch(scene: Scene, path: Path) -> int:
    """Write acts and alerts as a Timesketch timeline (``.jsonl``); returns how many events it has.

    Raises:
        InputError: the file cannot be written.
    """
    return write_lines(path, events(scene))


def events(scene: Scene) -> Iterator[Row]:
    """Yield the events of a timeline in order of time."""
    people = People(scene)
    techniques = Acts(rows(scene.acts))
    for sort, row in in_order(scene):
        about = people.get(row["process"])
        if sort == "act":
            yield _event(row, sentence(row), _PHRASES.get(row["kind"], "acted")) | _act(row, about, techniques)
        else:
            yield _event(row, _said(row), "Alert raised") | _alert(row, about)


def _event(row: Row, message: str, description: str) -> Row:
    ts = row["ts"] or 0
    event = {
        "message": message or "-",
        "datetime": iso(ts),
        "timestamp": ts // 1000,
        "timestamp_desc": description[:1].upper() + description[1:],
    }
    return event | present({"hostname": row["host"], "event_number": row["num"], "evidence": row["evidence"]})


def _act(act: Row, process: Row | None, techniques: Acts) -> Row:
    path = (act["object"] or "").startswith("/")
    shown = techniques.of(act)
    return (
        {"data_type": f"tiercel:act:{act['kind']}"}
        | _process(process)
        | present(
            {
                "action": act["kind"],
                "pid": act["pid"],
                "process_name": act["name"],
                "username": act["user"],
                "uid": act["uid"],
                "container_id": act["container"],
                "path": act["object"] if path else None,
                "object": None if path else act["object"],
                "target_path": act["target"],
                "detail": act["detail"],
                "result": act["res"],
                "success": act["ok"],
                "count": act["count"],
                "bytes": act["bytes"],
                "last_seen": iso(act["last_ts"]) if act["last_ts"] not in (None, act["ts"]) else None,
                "inode": act["inode"],
                "local_ip": act["laddr"],
                "local_port": act["lport"],
                "remote_ip": act["raddr"],
                "remote_port": act["rport"],
                "protocol": act["proto"],
                "tag": list(shown),
                "reason": "; ".join(shown.values()),
            }
        )
    )


def _alert(alert: Row, process: Row | None) -> Row:
    fields = {_field(name): _text(value) for name, value in fields_of(alert).items()}
    return (
        {"data_type": "tiercel:alert"}
        | present(fields)
        | _process(process)
        | present(
            {
                "rule": alert["rule"],
                "priority": alert["priority"],
                "event_source": alert["source"],
                "alert_source": alert["kind"],
                "truncated": alert["truncated"] or None,
                "tag": ["alert", *(known.id for known in tagged_techniques(alert["tags"]))],
                "rule_tags": list(alert["tags"] or ()),
            }
        )
    )


def _process(process: Row | None) -> Row:
    if process is None:
        return {}
    return present(
        {
            "pid": process["pid"],
            "process_name": process["name"],
            "command_line": process["cmdline"],
            "executable": process["exepath"],
            "username": process["user"],
            "uid": process["uid"],
            "loginuid": process["loginuid"],
            "container_id": process["container"],
            "container_name": process["container_name"],
            "container_image": process["image"],
            "k8s_pod": process["pod"],
            "k8s_namespace": process["namespace"],
        }
    )


def _said(alert: Row) -> str:
    return alert["output"] or f"{alert['priority'] or ''} {alert['rule'] or ''}".strip()


def _field(name: str) -> str:
    """Return a name that the index takes: a dot would make ``evt.time`` an object as soon as ``evt.time.s`` comes."""
    return "falco_" + re.sub(r"[^0-9A-Za-z]+", "_", name).strip("_")


def _text(value: object) -> str | None:
    """Return a value as text: the index refuses a field that is a number once and a text the next time."""
    return value if value is None or isinstance(value, str) else dumps(value)
