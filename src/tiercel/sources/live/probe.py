"""The probe in the kernel: loaded, told what to trace, attached; its rings and counters."""

from __future__ import annotations

import ctypes
import mmap
import os
import platform
import re
import struct
import time
from collections.abc import Collection, Iterable
from importlib.resources import as_file, files
from typing import Any

import numpy as np

from tiercel.sources.live.calls import CALLS, SOCKETCALL, call_tables
from tiercel.sources.live.errors import LiveError
from tiercel.sources.live.filters import WAYS, Filters, LeftOut, group_keys
from tiercel.sources.live.libbpf import libbpf
from tiercel.sources.live.privileges import PROBE, lacking
from tiercel.sources.live.root import own_pid
from tiercel.sources.records import ThreadRecord
from tiercel.wire.event_table import BY_CONSTANT

RING_BYTES = 4 << 20
"""Of each CPU's ring."""

_CPUS = 512
_PROGRAMS = (b"on_return", b"on_exec", b"on_fork", b"on_exit")
_SPARED = (b"list_files", b"list_tasks")
"""Programs that a kernel may refuse: what they tell is found in ``/proc``, too."""

_RING = 27  # kind of map
_SIGNAL = BY_CONSTANT["SIGNALDELIVER_E"]
_TRACED, _FAILURES_TOO, _URGENT, _BY_NAME, _CAPPED, _OF_PROCESSES = 1, 2, 4, 8, 64, 128
_ONLY_COMPAT = _FAILURES_TOO  # without _TRACED: see enum interest of probe/room.h
_FAST = {"close": 16, "open": 32, "openat": 48}
_OPENS = frozenset({"open", "openat"})

# struct control of probe/room.h
_OFFSET, _OWN, _PARKED, _URGENT_AT, _SNAPLEN, _ARGS, _ENV, _LOST, _INTEREST = 0, 8, 12, 16, 20, 24, 28, 32, 64
_COUNTERS = _INTEREST + CALLS
_CONTROL = _COUNTERS + 64 * _CPUS

# struct filters of probe/filters.h
_GROUPS, _NAMES, _NAMES_SIZE = 0, 64, 256
_CAPS = _NAMES + WAYS * _NAMES_SIZE
_FILTERS = _CAPS + 4 * CALLS

_DRIFT = 1_000_000
"""ns that the time of day may be off: every correction is a step in the times of the events."""

_TASK = struct.Struct("<8i5I4xQ3QQ16s")  # struct known of probe/tasks.h
_IN_PIDNS = 1 << 29
_THREAD = 1 << 13 | 1 << 0 | 1 << 15 | 1 << 11  # shares memory, files and signal handlers

SNAPLEN = 80
"""Bytes of data kept of reads and writes, as with Falco."""

MOST_SNAPLEN = 0x7FFF

ARGUMENTS = 16 << 10
ENVIRONMENT = 8 << 10
"""Most bytes of the arguments, and of the environment, of an executed program."""

_URGENT_CALLS = frozenset(
    {"connect", "accept", "accept4", "bind", "listen", "execve", "execveat", "setuid", "setns", "unshare", "mount",
     "ptrace", "memfd_create", "init_module", "finit_module", "bpf", "chroot", "userfaultfd", "io_uring_setup"}
)  # fmt: skip


class Probe:
    """The loaded probe. Nothing is traced before :meth:`attach`.

    Args:
        events: what is wanted, as for :meth:`want`.
        ring_bytes: size of each CPU's ring, a power of two.
        filters: what else is left out.

    Raises:
        LiveError: this host cannot load it; says why.
    """

    def __init__(self, events: Collection[int], ring_bytes: int = RING_BYTES, filters: Filters | None = None) -> None:
        _check_host()
        self.library = libbpf()
        self.cpus = min(possible_cpus(), _CPUS)
        self.ring_bytes = ring_bytes
        self.rings: list[int] = []
        """Descriptors of the rings, one for each CPU."""
        self._links: list[int] = []
        self._signals = False  # whether they are wanted
        self._signal_link = 0
        self._wanted: dict[int, int] = {}  # recipe -> what is done with it
        self._compat: dict[int, bytes] = {}  # what the probe knows of the calls of 32-bit programs
        self._object = 0
        name = f"probe.{platform.machine()}.o"
        found = files(__package__).joinpath(name)
        if not found.is_file():
            raise LiveError(f"this tiercel has no probe for {platform.machine()}")
        try:
            with as_file(found) as path:
                self._load(path.as_posix().encode())
        except OSError as error:
            self.close()
            raise LiveError(_why(error, self.library.messages)) from None
        self.control = mmap.mmap(self._map(b".data.control"), _page(_CONTROL), mmap.MAP_SHARED)
        self._filters = mmap.mmap(self._map(b".data.filters"), _page(_FILTERS), mmap.MAP_SHARED)
        self._groups: set[int] = set()
        self.set_clock()
        struct.pack_into("<II", self.control, _SNAPLEN, SNAPLEN, ARGUMENTS)
        struct.pack_into("<I", self.control, _ENV, ENVIRONMENT)
        struct.pack_into("<I", self.control, _OWN, own_pid())
        self._fill_tables()
        self.want(events, filters)

    def _load(self, path: bytes) -> None:
        try:
            self._load_but(path, ())
        except OSError:
            if not self._object:
                raise
            self.library("bpf_object__close", self._object)
            self._object = 0
            self._load_but(path, _SPARED)
        rings = self._map(b"rings")
        for cpu in range(self.cpus):
            ring = self.library("bpf_map_create", _RING, b"tiercel_ring", 0, 0, self.ring_bytes, None)
            self.rings.append(ring)
            self._update(rings, struct.pack("<I", cpu), struct.pack("<I", ring))

    def _load_but(self, path: bytes, without: Iterable[bytes]) -> None:
        """Load all programs but these."""
        call = self.library
        self._object = call("bpf_object__open_file", path, None)
        for name in without:
            program = call("bpf_object__find_program_by_name", self._object, name)
            call("bpf_program__set_autoload", program, False)
        for name, entries in ((b"rooms", self.cpus), (b"rings", self.cpus)):
            call("bpf_map__set_max_entries", call("bpf_object__find_map_by_name", self._object, name), entries)
        settings = call("bpf_object__find_map_by_name", self._object, b".rodata.settings")
        size = ctypes.c_size_t()
        value = call("bpf_map__initial_value", settings, ctypes.byref(size))
        ctypes.memmove(value, struct.pack("<I", _release() >= (6, 2)), 4)
        call("bpf_object__load", self._object)

    def _map(self, name: bytes) -> int:
        return int(self.library("bpf_map__fd", self.library("bpf_object__find_map_by_name", self._object, name)))

    def _update(self, map: int, key: bytes, value: bytes) -> None:
        self.library("bpf_map_update_elem", map, key, value, 0)

    def _fill_tables(self) -> None:
        tables = call_tables()
        recipes, renamings, values = self._map(b"recipes"), self._map(b"renamings"), self._map(b"values")
        for call in tables.calls:
            self._update(recipes, struct.pack("<I", call.number), call.recipe)
        for number, renaming in enumerate(tables.renamings):
            self._update(renamings, struct.pack("<I", number), renaming)
        for key, to in tables.values.items():
            self._update(values, struct.pack("<Q", key), struct.pack("<I", to))

    def set_clock(self) -> None:
        """Relate the boot clock, by which events are stamped, to the time of day; small differences are left alone."""
        offset = clock_offset()
        if abs(offset - self.offset) > _DRIFT:
            struct.pack_into("<Q", self.control, _OFFSET, offset)

    def want(self, events: Collection[int], filters: Filters | None = None) -> None:
        """Trace the calls that report one of these event types and no others, and of them what ``filters`` leave.

        Calls that have no event of their own are named by :data:`tiercel.sources.live.calls.BY_CODE` plus their code.

        May be called while tracing: until it is done nothing is left out that is wanted before or after.

        Raises:
            LiveError: a control group to leave out does not exist; nothing has changed then.
        """
        filters = filters or Filters()
        groups = group_keys(filters.groups)
        before, wanted = self._wanted, self._interest(events, filters)
        either = before.keys() | wanted.keys()
        self._tell({n: (before.get(n, 0) | wanted.get(n, 0)) & ~(_BY_NAME | _CAPPED) for n in either})
        self._leave_out_groups(groups)
        for way, names in enumerate(filters.opens):
            at = _NAMES + way * _NAMES_SIZE
            self._filters[at : at + _NAMES_SIZE] = b"\xff" * _NAMES_SIZE if names is None else names.packed()
        for call in call_tables().calls:
            if call.wanted_as in filters.caps and call.number < CALLS:
                struct.pack_into("<I", self._filters, _CAPS + 4 * call.number, filters.caps[call.wanted_as])
        self._tell(wanted)
        self._wanted = wanted
        self._signals = _SIGNAL in events
        if self._links:
            self._attach_signals()

    def _tell(self, wanted: dict[int, int]) -> None:
        """Tell the probe what is done with each recipe, also where 32-bit programs call for it."""
        interest = bytearray(CALLS)
        for number, bits in wanted.items():
            if number < CALLS:
                interest[number] = bits
        for number, (recipe, layout) in call_tables().compat.items():
            entry = struct.pack("<HBB", recipe, wanted.get(recipe, 0), layout)
            at = number if number < CALLS else SOCKETCALL
            if wanted.get(recipe) and not interest[at]:
                interest[at] = _ONLY_COMPAT
            if self._compat.get(number) != entry:
                self._compat[number] = entry
                self._update(self._map(b"compats"), struct.pack("<I", number), entry)
        self.control[_INTEREST : _INTEREST + CALLS] = bytes(interest)

    def _interest(self, events: Collection[int], filters: Filters) -> dict[int, int]:
        interest: dict[int, int] = {}
        named = any(names is not None for names in filters.opens)
        for call in call_tables().calls:
            if call.wanted_as not in events:
                continue
            bits = _TRACED | _FAST.get(call.name, 0) | (_URGENT if call.name in _URGENT_CALLS else 0)
            if filters.failures is None or call.event in filters.failures:
                bits |= _FAILURES_TOO
            if named and call.name in _OPENS:
                bits |= _BY_NAME
            if call.event in filters.processes:
                bits |= _OF_PROCESSES
            elif call.wanted_as in filters.caps and call.number < CALLS:
                bits |= _CAPPED
            interest[call.number] = bits
        return interest

    def _leave_out_groups(self, groups: set[int]) -> None:
        map = self._map(b"groups")
        for key in self._groups - groups:
            self.library("bpf_map_delete_elem", map, struct.pack("<Q", key))
        for key in groups - self._groups:
            self._update(map, struct.pack("<Q", key), b"\1")
        self._groups = groups
        struct.pack_into("<I", self._filters, _GROUPS, len(groups))

    def attach(self) -> None:
        """Begin to trace. Raises LiveError when the kernel refuses."""
        try:
            for name in _PROGRAMS:
                self._links.append(self._attach(name))
            self._attach_signals()
        except OSError as error:
            raise LiveError(_why(error, self.library.messages)) from None

    def _attach(self, name: bytes) -> int:
        program = self.library("bpf_object__find_program_by_name", self._object, name)
        return int(self.library("bpf_program__attach", program))

    def _attach_signals(self) -> None:
        """Attach to signals or let go of them, as wanted."""
        if self._signals and not self._signal_link:
            self._signal_link = self._attach(b"on_signal")
        elif self._signal_link and not self._signals:
            self.library("bpf_link__destroy", self._signal_link)
            self._signal_link = 0

    def tasks(self) -> list[ThreadRecord]:
        """Return the threads there are as the kernel lists them, kernel threads left out; empty without a list."""
        return [_thread(fields, self.offset) for fields in _TASK.iter_unpack(self._listed(b"list_tasks"))]

    def files(self) -> bytes:
        """Return the open files there are as the kernel lists them, for
        :func:`tiercel.sources.live.listing.descriptors_in`; empty without a list."""
        return self._listed(b"list_files")

    def _listed(self, name: bytes) -> bytes:
        call = self.library
        try:
            program = call("bpf_object__find_program_by_name", self._object, name)
            link = call("bpf_program__attach_iter", program, None)
        except OSError:
            return b""
        try:
            with open(call("bpf_iter_create", call("bpf_link__fd", link)), "rb", buffering=1 << 20) as file:
                return file.read()
        except OSError:
            return b""
        finally:
            call("bpf_link__destroy", link)

    def counters(self) -> np.ndarray[tuple[int, int], np.dtype[np.uint64]]:
        """Return for each CPU: events sent, lost for want of room, left out as too long, 32-bit calls not followed."""
        table = np.frombuffer(self.control, np.uint64, self.cpus * 8, _COUNTERS).reshape(self.cpus, 8)
        return table[:, :4].copy()

    def left_out(self) -> LeftOut:
        """Return how many events the filters have left out."""
        table = np.frombuffer(self.control, np.uint64, self.cpus * 8, _COUNTERS).reshape(self.cpus, 8)
        return LeftOut(*(int(count) for count in table[:, 4:].sum(axis=0)))

    @property
    def losses(self) -> int:
        """Changes whenever events were lost; how many, :meth:`counters` says."""
        return int.from_bytes(self.control[_LOST : _LOST + 8], "little")

    @property
    def offset(self) -> int:
        """ns from the boot clock to the epoch, as events are stamped."""
        return int(struct.unpack_from("<Q", self.control, _OFFSET)[0])

    @property
    def snaplen(self) -> int:
        """Bytes of data kept of reads, writes and messages, at most :data:`MOST_SNAPLEN`."""
        return int(struct.unpack_from("<I", self.control, _SNAPLEN)[0])

    @snaplen.setter
    def snaplen(self, value: int) -> None:
        struct.pack_into("<I", self.control, _SNAPLEN, max(0, min(value, MOST_SNAPLEN)))

    def park(self, parked: bool) -> None:
        """Tell the probe whether the reader sleeps and wants to be woken."""
        struct.pack_into("<I", self.control, _PARKED, parked)

    @property
    def urgent(self) -> bool:
        """Whether an event came that should not wait; reset by setting it."""
        return bool(self.control[_URGENT_AT])

    @urgent.setter
    def urgent(self, value: bool) -> None:
        self.control[_URGENT_AT] = value

    def close(self) -> None:
        """Detach and unload. Calling it again does nothing."""
        for link in self._links:
            self.library("bpf_link__destroy", link)
        self._links = []
        if self._signal_link:
            self.library("bpf_link__destroy", self._signal_link)
            self._signal_link = 0
        for ring in self.rings:
            os.close(ring)
        self.rings = []
        if self._object:
            self.library("bpf_object__close", self._object)
            self._object = 0


def _thread(fields: tuple[Any, ...], offset: int) -> ThreadRecord:
    tid, pid, ptid, pgid, sid, vtid, vpid, vpgid, uid, gid, login, tty, level, start, *caps, namespace, name = fields
    return ThreadRecord(
        tid, pid, ptid, sid, vpgid, pgid, name.partition(b"\0")[0], uid=uid, gid=gid, loginuid=login, tty=tty,
        flags=(_IN_PIDNS if level else 0) | (_THREAD if tid != pid else 0), vtid=vtid, vpid=vpid,
        clone_ts=offset + start, cap_inheritable=caps[0], cap_permitted=caps[1], cap_effective=caps[2],
        pidns_init_start_ts=namespace,
    )  # fmt: skip


def clock_offset() -> int:
    """Return the ns from the boot clock to the time of day, the best of a few measurements."""
    best, offset = 1 << 62, 0
    for _ in range(10):
        before = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        now = time.time_ns()
        after = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        if after - before < best:
            best, offset = after - before, now - (before + after) // 2
    return offset


def _page(size: int) -> int:
    return -(-size // mmap.PAGESIZE) * mmap.PAGESIZE


def possible_cpus() -> int:
    """Return how many processors this kernel may have; each gets a ring."""
    with open("/sys/devices/system/cpu/possible") as file:
        return max(int(part.split("-")[-1]) for part in file.read().strip().split(",")) + 1


def _release() -> tuple[int, int]:
    match = re.match(r"(\d+)\.(\d+)", os.uname().release)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def _check_host() -> None:
    """Raise LiveError when this host lacks what the probe cannot do without."""
    if os.uname().sysname != "Linux":
        raise LiveError("live events come from a Linux kernel: this host runs none")
    if missing := lacking(PROBE):
        raise LiveError(f"watching a host takes root, or {' and '.join(PROBE)}: {' and '.join(missing)} is missing; "
                        "run it with sudo, or give its service or container these capabilities")  # fmt: skip
    if _release() < (5, 17):
        raise LiveError(f"kernel {os.uname().release} is too old to watch: the probe takes 5.17 or newer")
    if not os.path.exists("/sys/kernel/btf/vmlinux"):
        raise LiveError(
            "/sys/kernel/btf/vmlinux is missing: the probe takes a kernel built with CONFIG_DEBUG_INFO_BTF, "
            "as those of the large distributions are"
        )


def _why(error: OSError, messages: list[str]) -> str:
    if error.errno in (1, 13):
        reason = "the kernel does not allow it (a container without privileges, or lockdown=confidentiality)"
    else:
        reason = error.strerror or str(error)
    said = [message for message in messages if message][-3:]
    return f"the probe cannot be loaded: {reason}" + "".join(f"\n  {message}" for message in said)
