"""Which events to trace: those that the rules ask about, and those that the state they ask about is made of; and which
of them can be left out in the kernel, because no rule would match them and nothing a rule asks follows from them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from tiercel.rules.event_types import event_names, event_types
from tiercel.rules.model import Rule
from tiercel.rules.syntax import Node
from tiercel.sources.live.calls import BY_CODE, GENERIC, call_tables, tells_result
from tiercel.sources.live.filters import WAYS, Filters, Names, Opens
from tiercel.watching.asked import about_descriptors, about_events_before, about_files
from tiercel.watching.possible import FAILED, OPENS, SUCCEEDED, Happened, any_of, names, verdict
from tiercel.wire.event_table import BY_CONSTANT, EVENTS
from tiercel.wire.syscall_table import CODES, EVENTS_OF

_STATE = (
    "SYSCALL_OPEN_X", "SYSCALL_OPENAT_2_X", "SYSCALL_OPENAT2_X", "SYSCALL_CREAT_X", "SYSCALL_CLOSE_X",
    "SYSCALL_CLOSE_RANGE_X", "SYSCALL_DUP_1_X", "SYSCALL_DUP2_X", "SYSCALL_DUP3_X", "SYSCALL_FCNTL_X",
    "SYSCALL_PIPE_X", "SYSCALL_PIPE2_X", "SOCKET_SOCKET_X", "SOCKET_SOCKETPAIR_X", "SOCKET_BIND_X",
    "SOCKET_CONNECT_X", "SOCKET_ACCEPT_5_X", "SOCKET_ACCEPT4_6_X", "SYSCALL_MEMFD_CREATE_X",
)  # fmt: skip
"""What descriptors are known from."""

_PROCESSES = (
    "SYSCALL_CLONE_20_X", "SYSCALL_CLONE3_X", "SYSCALL_FORK_20_X", "SYSCALL_VFORK_20_X", "SYSCALL_EXECVE_19_X",
    "SYSCALL_EXECVEAT_X", "PROCEXIT_1_E", "SYSCALL_CHDIR_X", "SYSCALL_FCHDIR_X", "SYSCALL_CHROOT_X",
    "SYSCALL_SETSID_X", "SYSCALL_SETPGID_X", "SYSCALL_SETUID_X", "SYSCALL_SETGID_X", "SYSCALL_SETREUID_X",
    "SYSCALL_SETREGID_X", "SYSCALL_SETRESUID_X", "SYSCALL_SETRESGID_X", "SYSCALL_CAPSET_X", "SYSCALL_PRCTL_X",
    "SYSCALL_UNSHARE_X", "SYSCALL_SETNS_X",
)  # fmt: skip
"""What processes are known from."""

_BUSY = (
    "SYSCALL_READ_X", "SYSCALL_WRITE_X", "SYSCALL_BRK_4_X", "SYSCALL_MMAP_X", "SYSCALL_MUNMAP_X", "SYSCALL_FUTEX_X",
    "SYSCALL_POLL_X", "SYSCALL_PPOLL_X", "SYSCALL_SELECT_X", "SYSCALL_EPOLLWAIT_X", "SYSCALL_NANOSLEEP_X", "GENERIC_X",
)  # fmt: skip


_FAILING = (
    "SOCKET_CONNECT_X",  # goes on in the background
    "SYSCALL_MEMFD_CREATE_X", "SYSCALL_PIDFD_GETFD_X", "SYSCALL_BRK_4_X", "SYSCALL_MMAP_X", "SYSCALL_MUNMAP_X",
    "SOCKET_SENDTO_X", "SOCKET_SENDMSG_X", "SOCKET_RECVFROM_X", "SOCKET_RECVMSG_X",
)  # fmt: skip
"""Events whose state changes, or may, also when the call failed."""


def events_for(rules: Iterable[Rule]) -> frozenset[int]:
    """Return the event types to trace for ``rules``: theirs, and those that the state they ask about is made of.

    Calls without an event of their own are among them as :data:`tiercel.sources.live.calls.BY_CODE` plus their code.
    """
    wanted = {BY_CONSTANT[name] for name in (*_STATE, *_PROCESSES)}
    for rule in rules:
        wanted.update(rule.event_types | calls_asked(rule.condition, rule.source))
    return frozenset(wanted)


def calls_asked(condition: Node, source: str = "syscall") -> frozenset[int]:
    """Return the calls without an event of their own that a condition can match, as :func:`events_for` does."""
    if GENERIC not in event_types(condition, source):
        return frozenset()
    codes = (CODES.get(name, 0) for name in event_names(condition, source))
    return frozenset(BY_CODE + code for code in codes if GENERIC in EVENTS_OF[code])


@dataclass(frozen=True, slots=True)
class Filtering:
    """What may be left out in the kernel, by the settings.

    Attributes:
        drop_failed: calls that failed, even where rules ask for them.
        groups: control groups to leave out, as in ``/proc/PID/cgroup``.
        caps: name of a call -> how many a process may make in about a second; more are counted as lost.
        whole: more than the rules needs the events, a recording for example: only what was asked for is left out.
    """

    drop_failed: bool = False
    groups: tuple[str, ...] = ()
    caps: Mapping[str, int] = field(default_factory=dict)
    whole: bool = False

    def events(self, rules: Sequence[Rule]) -> frozenset[int]:
        """Return the event types to trace: without those of descriptors where nothing a rule asks follows from them."""
        wanted = events_for(rules)
        if self.whole or any(about_descriptors(rule) for rule in rules):
            return wanted
        asked = frozenset[int]().union(*(rule.event_types for rule in rules))
        return wanted - ({BY_CONSTANT[name] for name in _STATE} - asked)

    def of(self, rules: Sequence[Rule]) -> Filters:
        """Return what to leave out while these rules run.

        A call that failed is left out where no rule can match it and no state follows from it. Opens of files are left
        out by name where no rule can match one of that name, and no rule asks at another event about files opened
        before. Neither changes an alert.
        """
        traced = frozenset(call.event for call in call_tables().calls) & events_for(rules)
        derive = not self.whole and not about_events_before(rules)
        failures = traced
        if self.drop_failed:
            failures = _failures_of_state(traced)
        elif derive:
            failures = _failures_of_state(traced) | _failures_asked(rules, traced)
        opens: Opens = (None, None, None, None)
        if derive and not any(about_files(rule, traced - _NEW) for rule in rules):
            opens = _opens_asked(rules, failures)
        caps = {call.wanted_as: self.caps[call.name] for call in call_tables().calls if call.name in self.caps}
        return Filters(failures, opens, self.groups, caps, frozenset(BY_CONSTANT[name] for name in _PROCESSES))


_NEW = frozenset(
    BY_CONSTANT[name]
    for name in ("SYSCALL_OPEN_X", "SYSCALL_OPENAT_2_X", "SYSCALL_OPENAT2_X", "SYSCALL_CREAT_X", "SOCKET_SOCKET_X",
                 "SOCKET_SOCKETPAIR_X", "SOCKET_ACCEPT_5_X", "SOCKET_ACCEPT4_6_X", "SYSCALL_PIPE_X", "SYSCALL_PIPE2_X")
)  # fmt: skip
"""Events that are about the descriptors they make."""


@cache
def _without_result() -> frozenset[int]:
    """Return the events that do not tell what their call returned."""
    return frozenset(call.event for call in call_tables().calls if not tells_result(call))


def _failures_of_state(traced: frozenset[int]) -> frozenset[int]:
    """Return the events that are needed of calls that failed, whatever the rules."""
    return traced & (_without_result() | {BY_CONSTANT[name] for name in _FAILING})


def _failures_asked(rules: Iterable[Rule], traced: frozenset[int]) -> frozenset[int]:
    """Return the events that a rule may match when their call failed."""
    return frozenset(
        event
        for rule in rules
        for event in rule.event_types & traced
        if verdict(rule.condition, Happened(event, FAILED)) is not False
    )


def _opens_asked(rules: Iterable[Rule], failures: Collection[int]) -> Opens:
    """Return for each way to open a file the names a rule may match, None for all."""
    found: list[Names | None] = []
    cases = [
        (rule, event, results)
        for rule in rules
        for event in rule.event_types & OPENS
        for results in ((SUCCEEDED, FAILED) if event in failures else (SUCCEEDED,))
    ]
    for way in range(WAYS):
        found.append(any_of(names(rule.condition, Happened(event, results, way)) for rule, event, results in cases))
    return found[0], found[1], found[2], found[3]


def all_events() -> frozenset[int]:
    """Return all event types the probe can report but those of calls that are too many to be worth it."""
    busy = {BY_CONSTANT[name] for name in _BUSY}
    return frozenset(call.event for call in call_tables().calls if call.event not in busy)


def every_event() -> frozenset[int]:
    """Return all that the probe can report, however much that is."""
    return frozenset(call.wanted_as for call in call_tables().calls) | {BY_CONSTANT["SIGNALDELIVER_E"]}


def names_of(events: Collection[int]) -> list[str]:
    """Return the names of these event types, each once, in order."""
    return sorted({EVENTS[number].name for number in events if number < BY_CODE})
