"""Open descriptors of every process, event by event.

:class:`Descriptors` is told each event in order, tells which descriptor the event is about, and keeps the tables. The
rules are libsinsp 0.25.4's: ``sinsp_parser::reset`` finds the descriptor, one handler per family of events changes
the tables, and a descriptor that is closed stays for the event that closes it.

Compiled with Cython (types in ``descriptors.pxd``); runs unchanged, slower, as plain Python.
"""

from __future__ import annotations

from tiercel.model.batch import Tables
from tiercel.model.columns import F, FdFlag, FdKind
from tiercel.model.world import World
from tiercel.sources.records import FdRecord
from tiercel.state import sockets
from tiercel.state.fd_events import Action, actions, locations
from tiercel.state.fd_tables import CAPACITY, HELD
from tiercel.state.socket_events import SocketEvents
from tiercel.state.threads import Thread, ThreadTable

_KEPT = frozenset(int(kind) for kind in FdKind) - {FdKind.UNINITIALIZED, FdKind.UNKNOWN}
_NAME = int(F.NAME)
_NOBODY = -(1 << 62)
_READ = int(Action.READ)
_WRITE = int(Action.WRITE)
_CLOSE = int(Action.CLOSE)
_OPEN = int(Action.OPEN)
_OPEN_BY_HANDLE = int(Action.OPEN_BY_HANDLE)
_DUP = int(Action.DUP)
_FCNTL = int(Action.FCNTL)
_PIPE = int(Action.PIPE)
_SINGLE = int(Action.SINGLE)
_SOCKET = int(Action.SOCKET)
_BIND = int(Action.BIND)
_CONNECT = int(Action.CONNECT)
_ACCEPT = int(Action.ACCEPT)
_SOCKETPAIR = int(Action.SOCKETPAIR)
_CLOSE_RANGE = int(Action.CLOSE_RANGE)
_MEMFD = int(Action.MEMFD)
_PIDFD_OPEN = int(Action.PIDFD_OPEN)
_ENTER = int(Action.ENTER)


class Descriptors(SocketEvents):
    """Tracks descriptors.

    Call :meth:`load` for every list a capture starts with, then :meth:`loaded`, then :meth:`begin` once a batch and
    :meth:`event` for each event. Set ``index`` to the number of the event in the batch before calling :meth:`fork`,
    :meth:`exec` or :meth:`drop`, so that :meth:`row_at` answers right.
    """

    def __init__(self, tables: Tables, threads: ThreadTable, world: World | None = None) -> None:
        SocketEvents.__init__(self, tables, threads, world)
        self.action_cells = actions()
        self.location_cells = locations()
        self.actions = self.action_cells.data
        self.locations = self.location_cells.data
        self.types = len(self.action_cells)
        self.server_ports: set[int] = set()

    def event(self, thread: Thread | None, index: int, type: int) -> None:
        """Handle event ``index`` of the batch, of event number ``type`` (uint16) and made by ``thread``.

        Afterwards ``has_fd`` says whether the event has descriptor fields, ``fd`` is the number (-1 none), ``file_row``
        the row (-1 none) and ``name_changed`` whether the event gave the descriptor another name.
        """
        self.index = index
        if self.closing_owner >= 0:
            self._finish_close()
        self.fd = -1
        self.file_row = -1
        self.has_fd = False
        self.name_changed = False
        if thread is None or type >= self.types:
            return
        if self.live or self.call is not None:
            self._return(thread.tid, type)
        location = self.locations[type]
        action = self.actions[type]
        if location == -2 and action == 0:
            return
        self.has_fd = location != -2
        self.thread = thread
        self.select(thread.owner)
        self.old_name = 0
        if location >= 0:
            j = self.reader.span(index, location)
            if j >= 0 and self.reader.length(j) != 0:
                self.fd = self.reader.i64(j)
                self.file_row = self.find(self.fd)
                if self.file_row >= 0:
                    self.old_name = self.files.data[self.file_row, _NAME]
        if action == 0:
            return
        self._act(action, type)
        if self.file_row >= 0:
            self.name_changed = self.files.data[self.file_row, _NAME] != self.old_name
        elif self.fd >= 0:
            self.file_row = self.find(self.fd)

    def _return(self, tid: int, type: int) -> None:
        """Find what was said when the call of thread ``tid`` was entered. An exit of another call ends it as well."""
        self.call = None
        if type & 1:
            call = self.entered.get(tid)
            if call is not None and call.live:
                call.live = False
                self.live -= 1
                if call.type == type - 1:
                    self.call = call

    def _act(self, action: int, type: int) -> None:
        if action == _READ:
            self.transfer(type, True)
        elif action == _WRITE:
            self.transfer(type, False)
        elif action == _CLOSE:
            self.close()
        elif _OPEN <= action <= _OPEN_BY_HANDLE:
            self.open(action)
        elif action == _DUP:
            self.dup(type)
        elif action == _FCNTL:
            self.fcntl()
        elif action == _PIPE:
            self.pipe(type)
        elif action == _SINGLE:
            self.single(type)
        elif action == _SOCKET:
            self.socket()
        elif action == _BIND:
            self.bind()
        elif action == _CONNECT:
            self.connect()
        elif action == _ACCEPT:
            self.accept(type)
        elif action == _SOCKETPAIR:
            self.socketpair()
        elif action == _CLOSE_RANGE:
            self.close_range()
        elif action == _MEMFD:
            self.memfd()
        elif action == _PIDFD_OPEN:
            self.pidfd_open()
        elif action == _ENTER:
            self.enter(type)
        else:
            self.pidfd_getfd()

    def forget(self) -> None:
        """Start all memories of rows and strings anew, as is needed when they were renumbered."""
        self.join_keys_held[:] = -1
        self.opened_held[:] = 0
        self.made.clear()
        self.steady.clear()
        self.texts.clear()
        self.share()

    def load(self, tid: int, records: list[FdRecord]) -> None:
        """Enter the descriptors that thread ``tid`` had when the capture began."""
        table = self.tables.setdefault(tid, {})
        self.replaced(tid)
        for record in records:
            row = self._loaded(record)
            if row < 0:
                continue
            if record.fd not in table:
                if len(table) >= CAPACITY or self.held >= HELD:
                    continue
                self.held += 1
            table[record.fd] = row

    def _loaded(self, record: FdRecord) -> int:
        """Return the row of a descriptor of the initial list, -1 for a kind that is not kept."""
        kind = record.type
        if kind not in _KEPT:
            return -1
        row = self.draft(kind)
        data = self.files.data
        self.kind = kind
        self.flags = int(FdFlag.FROM_PROC)
        self.name = 0
        self.known = sockets.NOTHING
        is_socket = True
        if kind in (FdKind.IPV4_SOCK, FdKind.IPV6_SOCK):
            self._load_connection(record)
        elif kind in (FdKind.IPV4_SERVSOCK, FdKind.IPV6_SERVSOCK):
            address = _sized(record.ip, 4 if kind == FdKind.IPV4_SERVSOCK else 16)
            port = record.port.to_bytes(2, "little")
            self.known = sockets.overlay(self.known, 0, address + port + bytes((record.l4proto & 0xFF,)))
            self.name = self.strings.intern(sockets.end_text(address, port))
            self.server_ports.add(record.port)
        elif kind == FdKind.UNIX_SOCK:
            both = (record.source & (1 << 64) - 1, record.destination & (1 << 64) - 1)
            self.known = both[0].to_bytes(8, "little") + both[1].to_bytes(8, "little") + bytes(24)
            self.name = self.strings.intern(record.fname)
            self.flags |= FdFlag.ROLE_SERVER if record.fname else FdFlag.ROLE_CLIENT
        else:
            is_socket = False
            data[row, F.FLAGS] = self.flags
            data[row, F.NAME] = self.strings.intern(record.fname)
            if kind == FdKind.FILE_V2:
                data[row, F.OPENFLAGS] = record.open_flags
                data[row, F.DEV] = record.dev
                data[row, F.MOUNT] = record.mount_id
        if is_socket:
            self._describe(row)
        data = self.files.data
        ino = record.ino & (1 << 64) - 1
        data[row, F.INO] = ino - (1 << 64) if ino >> 63 else ino
        return self.intern(row, record.fd)

    def _load_connection(self, record: FdRecord) -> None:
        """Work out a connection of the initial list. Which end is the server's is settled by :meth:`loaded`."""
        ports = record.sport.to_bytes(2, "little") + record.dport.to_bytes(2, "little")
        l4 = bytes((record.l4proto & 0xFF,))
        if self.kind == FdKind.IPV6_SOCK:
            ends = _sized(record.sip, 16), _sized(record.dip, 16)
            if sockets.is_mapped(ends[0]) and sockets.is_mapped(ends[1]):
                self.kind = int(FdKind.IPV4_SOCK)
                ends = ends[0][12:], ends[1][12:]
        else:
            ends = _sized(record.sip, 4), _sized(record.dip, 4)
        self.known = sockets.overlay(self.known, 0, ends[0] + ends[1] + ports + l4)
        if record.l4proto == sockets.L4_TCP:
            self.flags |= FdFlag.SOCKET_CONNECTED
        self.name = self.strings.intern(sockets.pair_text(ends[0], ports[:2], ends[1], ports[2:]))

    def loaded(self) -> None:
        """Settle, once all lists are loaded, who is client and who server on each IPv4 connection."""
        for owner, table in self.tables.items():
            for fd, row in table.items():
                if self.files.data[row, F.KIND] != FdKind.IPV4_SOCK:
                    continue
                self.file_row = row
                self._take()
                if sockets.port_of(self.known[8:10]) in self.server_ports:
                    self.known = sockets.swap(self.kind, self.known)
                    source, destination = self.known[0:4], self.known[4:8]
                    self.name = self.strings.intern(
                        sockets.pair_text(source, self.known[8:10], destination, self.known[10:12])
                    )
                    self.flags |= FdFlag.ROLE_SERVER
                else:
                    self.flags |= FdFlag.ROLE_CLIENT
                new = self.files.copy(row)
                self._describe(new)
                self.tables[owner][fd] = self.intern(new, fd)
        self.file_row = -1


def _sized(address: bytes, size: int) -> bytes:
    return address[:size].ljust(size, b"\0")
