"""Building the provenance graph of a scene."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from tiercel.reconstruct.dns import addresses_of
from tiercel.reconstruct.entry import Door, entry, is_runtime
from tiercel.reconstruct.executed import arguments, ran
from tiercel.reconstruct.graph.model import MOST_ACTS, Edge, Graph, Node, NodeKind
from tiercel.reconstruct.kinds import CHANGES, NETWORK
from tiercel.reconstruct.knowledge import suspicious
from tiercel.reconstruct.knowledge.addresses import address_class, joined
from tiercel.reconstruct.knowledge.modes import set_id
from tiercel.reconstruct.knowledge.noise import is_no_file, is_noise
from tiercel.reconstruct.lineage import Lineage
from tiercel.reconstruct.raised import raised
from tiercel.reconstruct.rows import Act, each, of_kinds, of_objects, without
from tiercel.reconstruct.scene import Scene
from tiercel.reconstruct.wording.saying import looked_up

_READS = frozenset({"open_read", "read"})
_SILENT = frozenset({"fork", "exit"})  # the processes themselves tell of these
_ON_PROCESSES = frozenset({"kill", "ptrace"})
_NOTED = frozenset(
    {"module", "bpf", "memfd_create", "io_uring", "userfaultfd", "mount", "umount", "chroot", "pivot_root", "kernel"}
    | {"credential", "namespace", "keyctl"}
)
_WRITES = {"open_write": "write"}
_MOST_LOOKUPS = 5  # that are noted at a process, so that other notes have room
_INTO_PROCESS = frozenset({"accept", "receive", "redirect"})

_Connection = tuple[str, str | None, tuple[tuple[str | None, int | None], ...]]


@dataclass(frozen=True, slots=True)
class Provenance:
    """A graph of all there is, with what following it needs."""

    graph: Graph
    lineage: Lineage
    act_of_alert: dict[int, int]
    joining: frozenset[str]  # ids of files and connections through which one story may lead to another


def build(scene: Scene) -> Provenance:
    """Return the provenance graph of a scene.

    Reads of files that nobody changed are left out, but for secrets and what a command line names; so are files that
    every program reads.
    """
    return _Builder(scene).build()


class _Builder:
    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.lineage = Lineage(scene.processes)
        self.graph = Graph()
        self.act_of_alert: dict[int, int] = {}
        self.joining: set[str] = set()
        self._files: dict[tuple[str, str, str], str] = {}
        self._sockets: dict[object, str] = {}
        self._names: dict[tuple[str, str], dict[str, None]] = {}
        self._by_pid: dict[tuple[str, int], list[tuple[int, int]]] | None = None

    def build(self) -> Provenance:
        acts = self._acts()
        self._processes()
        self._changed_paths = {
            (act.host, act.container, path)
            for act in acts
            if act.ok and act.kind in CHANGES
            for path in (act.object, act.target)
            if path
        }
        self._shared = self._shared_connections(acts)
        for act in acts:
            if act.process is not None and 0 <= act.process < self.lineage.count:
                self._act(act, f"p{act.process}")
        self._alerts()
        return Provenance(self.graph, self.lineage, self.act_of_alert, frozenset(self.joining))

    def _acts(self) -> list[Act]:
        """Return the acts that may be edges, in order."""
        reads = of_objects(of_kinds(self.scene.acts, _READS), lambda path: not is_noise(path))
        others = without(self.scene.acts, _READS | _SILENT)
        return sorted([*each(others), *each(reads)], key=lambda act: (act.ts, act.act))

    def _processes(self) -> None:
        """Enter processes, who forked them, and what entered containers."""
        lineage, nodes = self.lineage, self.graph.node_by_id
        for row in range(lineage.count):
            nodes[f"p{row}"] = Node(
                f"p{row}",
                NodeKind.PROCESS,
                f"{lineage.name[row]} ({lineage.pid[row]})",
                lineage.cmdline[row],
                lineage.host[row],
                lineage.container[row],
                row,
                lineage.first_ts[row],
                lineage.last_ts[row],
            )
        for row in range(lineage.count):
            by, inside = lineage.parent[row], lineage.container[row]
            began = lineage.start[row] or lineage.first_ts[row] or 0
            if by is not None:
                self._edge(f"p{by}", f"p{row}", "fork", began, began, True)
            if inside and lineage.execs[row] and (by is None or lineage.container[by] != inside):
                door = entry(lineage, row).door
                if door in (Door.EXEC, Door.START):
                    node = self._container(lineage.host[row], inside)
                    self._edge(node, f"p{row}", "start" if door is Door.START else "entered", began, began, True)

    def _container(self, host: str, container: str) -> str:
        id = f"c:{host}:{container}"
        if id not in self.graph.node_by_id:
            self.graph.node_by_id[id] = Node(id, NodeKind.CONTAINER, container, host=host, container=container)
        return id

    def _act(self, act: Act, process: str) -> None:
        if act.kind == "exec":
            cwd = self.lineage.cwd[act.process] if act.process is not None else None
            for path in ran(act.object, act.target, act.detail, cwd):
                self._add(self._file(act, path), process, "exec", act)
        elif act.kind in _READS:
            if self._worth_reading(act):
                self._add(self._file(act, act.object or ""), process, "read", act)
        elif act.kind in CHANGES:
            self._change(act, process)
        elif act.kind in NETWORK:
            self._network(act, process)
        elif act.kind == "resolve":
            self._lookup(act, process)
        elif act.kind in _ON_PROCESSES:
            other = self._process_named(act)
            if other is not None:
                self._add(process, f"p{other}", act.kind, act)
        if act.kind in _NOTED and act.ok and not is_runtime(act.name) and "unchanged" not in (act.detail or ""):
            words = " ".join(filter(None, (act.kind, act.detail, act.object)))
            self.graph.node_by_id[process].note(words)

    def _worth_reading(self, act: Act) -> bool:
        path = act.object
        if path is None or is_noise(path):
            return False
        if (act.host, act.container, path) in self._changed_paths or suspicious.is_secret(path):
            return True
        cmdline = self.lineage.cmdline[act.process] if act.process is not None else None
        return path in arguments(cmdline)[1:]  # it was asked for by name

    def _change(self, act: Act, process: str) -> None:
        path = act.object
        if path is None or is_no_file(path):
            return
        kind = _WRITES.get(act.kind, act.kind)
        node = self._file(act, path)
        if act.kind in ("rename", "link") and act.target:
            after = self._file(act, act.target)
            self._add(process, node, kind, act)
            self._add(process, after, kind, act)
            if act.ok:
                self._add(node, after, f"{kind}d" if kind == "rename" else "linked", act)
        else:
            self._add(process, node, kind, act)
        if not act.ok:
            return
        for reason in suspicious.change(path):
            self.graph.node_by_id[node].note(reason.words)
        if act.kind == "chmod":
            for reason in set_id(act.detail):
                self.graph.node_by_id[node].note(reason.words)

    def _file(self, act: Act, path: str) -> str:
        key = act.host, act.container, path
        id = self._files.get(key)
        if id is None:
            id = self._files[key] = f"f{len(self._files)}"
            self.graph.node_by_id[id] = Node(id, NodeKind.FILE, path, host=act.host, container=act.container)
            if not is_noise(path) and not suspicious.is_log(path) and not suspicious.is_history(path):
                self.joining.add(id)
        return id

    def _shared_connections(self, acts: list[Act]) -> set[_Connection]:
        """Return the connections of which both ends are in the scene."""
        sides: dict[_Connection, set[tuple[str | None, int | None]]] = {}
        for act in acts:
            if act.kind in NETWORK and act.laddr and act.lport is not None and act.raddr and act.rport is not None:
                sides.setdefault(_connection(act), set()).add((act.laddr, act.lport))
        return {key for key, ends in sides.items() if len(ends) > 1}

    def _network(self, act: Act, process: str) -> None:
        if act.kind in ("listen", "bind"):
            if act.kind == "listen" and act.proto != "unix":
                self.graph.node_by_id[process].note(f"listens on {joined(act.laddr, act.lport)}")
            return
        if act.proto == "unix":
            path = act.socket_path
            if path is None or is_no_file(path):
                return
            node = self._socket((act.host, act.container, path), path, act)
        else:
            node = self._connection_node(act)
        if act.kind in _INTO_PROCESS:
            self._add(node, process, act.kind, act)
        else:
            self._add(process, node, act.kind, act)

    def _lookup(self, act: Act, process: str) -> None:
        """Note a lookup at its process, and remember the name for the addresses that are contacted afterwards."""
        node = self.graph.node_by_id[process]
        if sum(note.startswith("looked up ") for note in node.notes) < _MOST_LOOKUPS:
            node.note(looked_up(act.object, act.target, act.detail))
        for address in addresses_of(act):
            self._names.setdefault((act.host, address), {})[act.object or "?"] = None

    def _connection_node(self, act: Act) -> str:
        key = _connection(act)
        if key in self._shared:
            (first, second) = key[2]
            label = f"{joined(*first)} - {joined(*second)} ({act.proto or '?'})"
            node = self._socket(key, label, act)
            self.joining.add(node)
            return node
        far = joined(act.raddr, act.rport)
        if act.kind in ("accept", "receive") and act.lport is not None and act.rport is not None and act.rport > 1023:
            far = f"{act.raddr or '?'} to port {act.lport}"  # a client: its own port says nothing
        node = self._socket((act.host, far, act.proto), f"{far} ({act.proto or '?'})", act)
        if act.raddr and address_class(act.raddr) not in ("loopback", "unspecified", None):
            id = f"h:{act.raddr}"
            if id not in self.graph.node_by_id:
                self.graph.node_by_id[id] = Node(id, NodeKind.HOST, act.raddr)
                self.graph.node_by_id[id].note(f"{address_class(act.raddr)} address")
            for name in self._names.get((act.host, act.raddr), ()):
                self.graph.node_by_id[id].note(f"looked up as {name}")
            self._add(node, id, "at", act)
        return node

    def _socket(self, key: object, label: str, act: Act) -> str:
        id = self._sockets.get(key)
        if id is None:
            id = self._sockets[key] = f"s{len(self._sockets)}"
            self.graph.node_by_id[id] = Node(id, NodeKind.SOCKET, label, host=act.host)
        return id

    def _process_named(self, act: Act) -> int | None:
        """Return the row of the process that ``pid 7 (name)`` names, as of the act."""
        words = (act.object or "").split()
        if len(words) < 2 or words[0] != "pid" or not words[1].isdigit():
            return None
        if self._by_pid is None:
            self._by_pid = {}
            for row in range(self.lineage.count):
                began = self.lineage.start[row] or self.lineage.first_ts[row] or 0
                self._by_pid.setdefault((self.lineage.host[row], self.lineage.pid[row]), []).append((began, row))
            for lives in self._by_pid.values():
                lives.sort()
        lives = self._by_pid.get((act.host, int(words[1])), [])
        place = bisect_right(lives, (act.ts, self.lineage.count))
        return lives[place - 1][1] if place else None

    def _alerts(self) -> None:
        for alert in raised(self.scene.alerts):
            id = f"a{alert.alert}"
            self.graph.node_by_id[id] = Node(
                id,
                NodeKind.ALERT,
                alert.rule,
                alert.output,
                alert.host,
                alert.container or "",
                alert.alert,
                alert.ts,
                alert.ts,
                [alert.priority],
            )
            if alert.process is not None and 0 <= alert.process < self.lineage.count:
                self._edge(id, f"p{alert.process}", "about", alert.ts, alert.ts, True)
                if alert.act is not None:
                    self.act_of_alert[alert.alert] = alert.act

    def _add(self, source: str, target: str, kind: str, act: Act) -> None:
        edge = self._edge(source, target, kind, act.ts, act.last_ts, act.ok)
        edge.count += act.count - 1
        if act.bytes is not None:
            edge.bytes = (edge.bytes or 0) + act.bytes
        if len(edge.acts) < MOST_ACTS:
            edge.acts.append(act.act)
        for id in (source, target):
            node = self.graph.node_by_id[id]
            node.first_ts = act.ts if node.first_ts is None else min(node.first_ts, act.ts)
            node.last_ts = act.last_ts if node.last_ts is None else max(node.last_ts, act.last_ts)

    def _edge(self, source: str, target: str, kind: str, first: int, last: int, ok: bool) -> Edge:
        key = source, target, kind
        edge = self.graph.edge_by_key.get(key)
        if edge is None:
            edge = self.graph.edge_by_key[key] = Edge(source, target, kind, first, last)
        edge.first_ts, edge.last_ts = min(edge.first_ts, first), max(edge.last_ts, last)
        edge.ok = edge.ok or ok
        edge.count += 1
        return edge


def _connection(act: Act) -> _Connection:
    """Return what both ends of a connection have in common: host, protocol and the two ends in order."""
    ends = sorted(((act.laddr or "", act.lport or 0), (act.raddr or "", act.rport or 0)))
    return act.host, act.proto, tuple(ends)
