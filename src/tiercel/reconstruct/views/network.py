"""Who talked to whom."""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa

from tiercel.reconstruct.dns import Names
from tiercel.reconstruct.entry import entry
from tiercel.reconstruct.kinds import NETWORK
from tiercel.reconstruct.knowledge.addresses import address_class
from tiercel.reconstruct.knowledge.errno import error_name
from tiercel.reconstruct.knowledge.noise import is_no_file
from tiercel.reconstruct.lineage import Lineage
from tiercel.reconstruct.rows import Act, Ends, each, of_kinds
from tiercel.reconstruct.scene import Scene
from tiercel.reconstruct.views.columns import INTEGER, INTEGERS, TEXT, TEXTS, column

NETWORK_VIEW = pa.schema(
    [
        column("host", TEXT),
        column("container", TEXT, "container id, empty on the host"),
        column("process", INTEGER, "row of the process, null when not known"),
        column("pid", INTEGER),
        column("name", TEXT, "name of the process at the end of it"),
        column("chain", TEXT, "how it came to run, as in bash → curl"),
        column("user", TEXT),
        column("direction", TEXT, "out, in, listening, or unknown"),
        column("proto", TEXT, "tcp, udp, icmp, raw or unix"),
        column("laddr", TEXT),
        column("lport", INTEGER, "null where several ports of its own were used"),
        column("raddr", TEXT, "address of the other end, or path of a unix socket"),
        column("rport", INTEGER, "null where several ports of the other end were used"),
        column("class", TEXT, "of the other end: loopback, private, public …"),
        column("names", TEXTS, "names of the other end that evidence holds"),
        column("outcome", TEXT, "connected, accepted, listening, failed: <error> …"),
        column("first_ts", INTEGER, "ns since epoch"),
        column("last_ts", INTEGER, "ns since epoch"),
        column("count", INTEGER, "connections; datagrams and reads where there are none"),
        column("failed", INTEGER, "attempts that failed"),
        column("sent", INTEGER, "bytes, null where none were recorded"),
        column("received", INTEGER, "bytes, null where none were recorded"),
        column("notes", TEXTS, "what stands out, in plain words"),
        column("acts", INTEGERS, "rows of the acts, at most 1000"),
    ]
)
"""What :func:`network` returns, one row for each process and other end."""

_MOST_ACTS = 1000
_POWERFUL = {
    "docker.sock": "control of the container engine",
    "containerd.sock": "control of the container engine",
    "crio.sock": "control of the container engine",
    "podman.sock": "control of the container engine",
    "dbus/system_bus_socket": "talks to system services",
}

_Key = tuple[str, str, int | None, str, str | None, str | None, int | None, str | None, int | None]


@dataclass(slots=True)
class _Flow:
    first: Act
    last: Act
    last_ts: int
    began_ts: int  # when the last connection was opened
    opened: bool = False  # by some process in the scene
    connections: int = 0
    others: int = 0
    failed: int = 0
    sent: int | None = None
    received: int | None = None
    error: int | None = None
    laddrs: set[str | None] = field(default_factory=set)
    near: set[int | None] = field(default_factory=set)
    far: set[int | None] = field(default_factory=set)
    notes: dict[str, None] = field(default_factory=dict)
    acts: list[int] = field(default_factory=list)


def network(scene: Scene, *, container: str | None = None) -> pa.Table:
    """Return who talked to whom: what came in, went out and listened, by time.

    A connection is *in* where it was accepted, or its own port is one the scene saw listening; *out* where it was
    opened here. Failed attempts have the error as their outcome.

    Args:
        container: only this container, by id; "" for the host.

    Returns:
        A table with the schema :data:`NETWORK_VIEW`.
    """
    acts = list(each(of_kinds(scene.acts, NETWORK)))
    directions = _directions(acts)
    flows: dict[_Key, _Flow] = {}
    for act in acts:
        if (container is None or act.container == container) and not _idle(act):
            _enter(act, directions, flows)
    lineage, known = Lineage(scene.processes), Names(scene)
    rows = [_row(key, flow, lineage, known) for key, flow in flows.items()]
    rows.sort(key=lambda row: (row["first_ts"], row["pid"] or 0))
    return pa.Table.from_pylist(rows, schema=NETWORK_VIEW)


@dataclass(frozen=True, slots=True)
class _Directions:
    """Which way each connection went, by host and the ends as this side sees them, and which were opened here."""

    way: dict[Ends, str]
    opened: frozenset[Ends]


def _directions(acts: list[Act]) -> _Directions:
    found: dict[Ends, str] = {}
    listening = {(act.host, act.container, act.proto, act.lport) for act in acts if act.kind == "listen"}
    for act in acts:
        key = act.ends
        if act.kind == "accept":
            found[key] = "in"
        elif act.kind == "connect":
            found.setdefault(key, "out")
    opened = frozenset(found)
    for act in acts:
        if act.kind in ("send", "receive", "redirect"):
            key = act.ends
            served = (act.host, act.container, act.proto, act.lport) in listening
            found.setdefault(key, "in" if served else ("out" if act.kind == "send" else "unknown"))
    return _Directions(found, opened)


def _idle(act: Act) -> bool:
    """Tell whether an act says nothing: a bind that is followed by more, a socket of the name cache."""
    if act.kind == "bind" and act.proto != "udp":
        return True
    return act.proto == "unix" and is_no_file(act.socket_path or "")


def _enter(act: Act, directions: _Directions, flows: dict[_Key, _Flow]) -> None:
    """Add an act to the flow it belongs to."""
    if act.kind in ("listen", "bind"):
        direction = "listening"
    else:
        direction = directions.way.get(act.ends, "out" if act.kind == "connect" else "unknown")
    far = act.socket_path if act.proto == "unix" else act.raddr
    incoming = direction in ("in", "listening")
    key: _Key = (
        act.host,
        act.container,
        act.process,
        direction,
        act.proto,
        act.laddr if incoming else None,
        act.lport if incoming else None,
        None if direction == "listening" else far,
        None if incoming else act.rport,
    )
    flow = flows.setdefault(key, _Flow(act, act, act.last_ts, act.ts))
    flow.last = act
    flow.opened = flow.opened or act.ends in directions.opened
    flow.last_ts = max(flow.last_ts, act.last_ts)
    flow.laddrs.add(act.laddr)
    flow.near.add(act.lport)
    flow.far.add(act.rport)
    if len(flow.acts) < _MOST_ACTS:
        flow.acts.append(act.act)
    if act.kind in ("connect", "accept", "listen", "bind"):
        flow.connections += act.count
        flow.began_ts = max(flow.began_ts, act.last_ts)
        if not act.ok:
            flow.failed += act.count
            flow.error = act.res
    elif act.kind == "send":
        flow.sent = _more(flow.sent, act.bytes)
        flow.others += act.count
    elif act.kind == "receive":
        flow.received = _more(flow.received, act.bytes)
        flow.others += act.count
    elif act.kind == "redirect":
        flow.notes[f"standard input or output tied to it ({act.detail})" if act.detail else "standard input tied"] = (
            None
        )
    for name, words in _POWERFUL.items():
        if act.proto == "unix" and (far or "").endswith(name):
            flow.notes[words] = None


def _more(total: int | None, more: int | None) -> int | None:
    return total if more is None else (total or 0) + more


def _only(values: set[int | None]) -> int | None:
    return next(iter(values)) if len(values) == 1 else None


def _row(key: _Key, flow: _Flow, lineage: Lineage, known: Names) -> dict[str, object]:
    host, container, process, direction, proto, _, _, raddr, rport = key
    first = flow.first
    top = None if process is None else entry(lineage, process).root
    return {
        "host": host,
        "container": container,
        "process": process,
        "pid": first.pid,
        "name": flow.last.name,
        "chain": flow.last.name if process is None else lineage.chain(process, flow.last.ts, top),
        "user": first.user or (None if first.uid is None else str(first.uid)),
        "direction": direction,
        "proto": proto,
        "laddr": next(iter(flow.laddrs)) if len(flow.laddrs) == 1 else None,
        "lport": _only(flow.near),
        "raddr": raddr,
        "rport": rport if rport is not None else _only(flow.far),
        "class": address_class(raddr),
        "names": known.of(host, container, raddr, flow.began_ts) if raddr else [],
        "outcome": _outcome(direction, flow),
        "first_ts": first.ts,
        "last_ts": flow.last_ts,
        "count": flow.connections or flow.others,
        "failed": flow.failed,
        "sent": flow.sent,
        "received": flow.received,
        "notes": list(flow.notes),
        "acts": flow.acts,
    }


def _outcome(direction: str, flow: _Flow) -> str:
    if flow.failed and flow.failed == flow.connections:
        return f"failed: {error_name(flow.error)}"
    part = f", {flow.failed} failed" if flow.failed else ""
    if direction == "listening":
        return f"listening{part}"
    if not flow.connections:
        if flow.opened:
            return "opened by another process"
        return "was open before" if flow.first.proto == "tcp" else "no connection"
    return ("accepted" if direction == "in" else "connected") + part
