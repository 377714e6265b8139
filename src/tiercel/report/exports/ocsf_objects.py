"""Objects of OCSF events: processes, files, users, containers, devices, the ends of a connection."""

from __future__ import annotations

from tiercel.report.exports.rows import People, Row, present

_FOLDERS = frozenset({"mkdir", "rmdir", "mount", "umount", "chroot"})
_REGULAR, _FOLDER, _LINK, _UNKNOWN = 1, 2, 7, 0
_PROTOCOLS = {"tcp": 6, "udp": 17, "icmp": 1, "icmpv6": 58}
_INBOUND, _OUTBOUND, _NOT_KNOWN = 1, 2, 0
_PORTS = range(65536)


def device(host: str | None) -> Row:
    """Return the machine an event is about."""
    return {"hostname": host or "unknown", "type_id": 0, "type": "Unknown"}


def user(name: str | None, uid: int | None) -> Row | None:
    """Return a user, None when nothing is known of it."""
    return present({"name": name, "uid": None if uid is None else str(uid)}) or None


def process_object(process: Row | None, people: People, parents: int = 1) -> Row | None:
    """Return a process with its parent, None for None."""
    if process is None:
        return None
    found: Row = {"pid": process["pid"], "uid": f"{process['host']}/{process['pid']}/{process['start'] or 0}"}
    above = process_object(people.parent(process), people, parents - 1) if parents else None
    return found | present(
        {
            "name": process["name"],
            "cmd_line": process["cmdline"],
            "file": file(process["exepath"], "exec") if process["exepath"] else None,
            "working_directory": process["cwd"],
            "created_time": None if process["start"] is None else process["start"] // 1_000_000,
            "user": user(process["user"], process["uid"]),
            "namespace_pid": process["vpid"],
            "container": container_of(process),
            "parent_process": above,
        }
    )


def container_of(process: Row | None) -> Row | None:
    """Return the container of a process, None on the host."""
    if process is None or not process["container"]:
        return None
    image = {"uid": process["image"], "name": process["image"]} if process["image"] else None
    labels = [f"{key}={process[key]}" for key in ("pod", "namespace") if process[key]]
    return present({"uid": process["container"], "name": process["container_name"], "image": image, "labels": labels})


def file(path: str | None, kind: str) -> Row:
    """Return a file; ``kind`` is that of the act."""
    path = path or "unknown"
    folder, _, name = path.rstrip("/").rpartition("/")
    kinds = {_FOLDER: "Folder", _LINK: "Symbolic Link", _REGULAR: "Regular File", _UNKNOWN: "Unknown"}
    number = _FOLDER if kind in _FOLDERS else _LINK if kind == "symlink" else _UNKNOWN if kind == "mknod" else _REGULAR
    found: Row = {"name": name or path, "path": path, "type_id": number, "type": kinds[number]}
    return found | present({"parent_folder": folder})


def ends(act: Row) -> Row:
    """Return the end points, connection and traffic of a network act; nothing when no address is known."""
    near, far = _endpoint(act["laddr"], act["lport"]), _endpoint(act["raddr"], act["rport"])
    inbound = act["kind"] in ("accept", "listen", "bind")
    source, target = (far, near) if inbound else (near, far)
    found = present({"src_endpoint": source, "dst_endpoint": target})
    if not found:
        return {}
    proto = (act["proto"] or "").lower()
    direction = _INBOUND if inbound else _OUTBOUND if act["kind"] in ("connect", "send") else _NOT_KNOWN
    found["connection_info"] = {"direction_id": direction} | present(
        {"protocol_name": proto, "protocol_num": _PROTOCOLS.get(proto), "protocol_ver_id": 6 if _is_6(act) else 4}
    )
    if act["bytes"] is not None:
        side = "bytes_in" if act["kind"] == "receive" else "bytes_out"
        found["traffic"] = {"bytes": act["bytes"], side: act["bytes"]}
    return found


def _endpoint(address: str | None, port: int | None) -> Row | None:
    return {"ip": address} | present({"port": port if port in _PORTS else None}) if address else None


def _is_6(act: Row) -> bool:
    return ":" in (act["raddr"] or act["laddr"] or "")
