"""STIX cyber-observable objects: processes, files, folders, users, addresses, connections.

The standard says how ids of most of them are made of what identifies them; a process gets one of its host, number and
start.
"""

from __future__ import annotations

import ipaddress
import json
from typing import Any
from uuid import UUID, uuid5

from tiercel.report.exports.rows import People, Row, iso, present

SCO = dict[str, Any]

NAMESPACE = UUID("00abedb4-aa42-466c-9c01-fed23315a9b7")
"""Namespace of the ids of cyber-observables, after section 2.9 of the standard."""

_IDENTIFYING = {
    "directory": ("path",),
    "file": ("name", "parent_directory_ref"),
    "ipv4-addr": ("value",),
    "ipv6-addr": ("value",),
    "domain-name": ("value",),
    "network-traffic": ("start", "end", "src_ref", "dst_ref", "src_port", "dst_port", "protocols"),
    "user-account": ("account_type", "user_id", "account_login"),
}
_INBOUND = frozenset({"accept"})
_PORTS = range(65536)
_GENERATIONS = 64


class Observed:
    """Makes the observables of acts and processes. Each list begins with what refers to none after it."""

    def __init__(self, people: People) -> None:
        self.people = people

    def of_act(self, act: Row) -> list[SCO]:
        """Return what an act is about: at least one object."""
        objects = self.of_process(act["process"])
        if act["proto"] and act["proto"] != "unix" and (act["laddr"] or act["raddr"]):
            objects += _traffic(act)
        elif act["object"] and act["object"].startswith("/"):
            objects += _file(act["object"])
            if act["target"] and act["target"].startswith("/"):
                objects += _file(act["target"])
        return objects or [self.host(act["host"])]

    def of_process(self, number: int | None) -> list[SCO]:
        """Return a process after its ancestors, with executables and users; nothing when there is no such process."""
        chain: list[Row] = []
        process = self.people.get(number)
        while process is not None and process not in chain and len(chain) < _GENERATIONS:
            chain.append(process)
            process = self.people.parent(process)
        objects: list[SCO] = []
        above: str | None = None
        for one in reversed(chain):
            objects += _process(one, above)
            above = objects[-1]["id"]
        return objects

    def host(self, name: str | None) -> SCO:
        """Return the name of a host."""
        return _object("domain-name", value=name or "unknown")


def _process(process: Row, parent: str | None) -> list[SCO]:
    objects: list[SCO] = []
    parts: SCO = {
        "pid": process["pid"],
        "command_line": process["cmdline"],
        "cwd": process["cwd"],
        "parent_ref": parent,
    }
    if process["start"] is not None:
        parts["created_time"] = _time(process["start"])
    if process["uid"] is not None:
        user = _object("user-account", user_id=str(process["uid"]), account_login=process["user"], account_type="unix")
        objects.append(user)
        parts["creator_user_ref"] = user["id"]
    if process["exepath"] and process["exepath"].startswith("/"):
        objects += _file(process["exepath"])
        if objects[-1]["type"] == "file":
            parts["image_ref"] = objects[-1]["id"]
    key = f"{process['host']} {process['pid']} {process['start']} {process['first_ts']}"
    identity = f"process--{uuid5(NAMESPACE, key)}"
    return [*objects, {"type": "process", "spec_version": "2.1", "id": identity} | present(parts)]


def _file(path: str) -> list[SCO]:
    folder, _, name = path.rstrip("/").rpartition("/")
    directory = _object("directory", path=folder or "/")
    if not name:
        return [directory]
    return [directory, _object("file", name=name, parent_directory_ref=directory["id"])]


def _traffic(act: Row) -> list[SCO]:
    ends = [(act["laddr"], act["lport"]), (act["raddr"], act["rport"])]
    if act["kind"] in _INBOUND:
        ends.reverse()
    parts: SCO = {"start": _time(act["ts"]), "protocols": _protocols(act)}
    if act["bytes"] is not None and act["kind"] in ("send", "receive"):
        parts["src_byte_count" if act["kind"] == "send" else "dst_byte_count"] = max(act["bytes"], 0)
    objects: list[SCO] = []
    for side, (address, port) in zip(("src", "dst"), ends, strict=True):
        found = _address(address)
        if found is not None:
            objects.append(found)
            parts[f"{side}_ref"] = found["id"]
            if port in _PORTS:
                parts[f"{side}_port"] = port
    return [*objects, _object("network-traffic", **parts)] if objects else []


def _protocols(act: Row) -> list[str]:
    version = "ipv6" if ":" in (act["raddr"] or act["laddr"] or "") else "ipv4"
    return [version, str(act["proto"]).lower()]


def _address(text: str | None) -> SCO | None:
    try:
        address = ipaddress.ip_address(text or "")
    except ValueError:
        return None
    return _object(f"ipv{address.version}-addr", value=str(address))


def _time(ts: int) -> str:
    """Return a time in its shortest form: ids are made of it."""
    return iso(ts, 6, "").rstrip("0").rstrip(".") + "Z"


def _object(kind: str, **properties: Any) -> SCO:
    properties = present(properties)
    identifying = {name: properties[name] for name in _IDENTIFYING[kind] if name in properties}
    canonical = json.dumps(identifying, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return {"type": kind, "spec_version": "2.1", "id": f"{kind}--{uuid5(NAMESPACE, canonical)}"} | properties
