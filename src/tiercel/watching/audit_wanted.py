"""Which system calls the kernel is to audit for a set of rules, and under which conditions: as few as will do.

What processes are is known without auditing forks: every record names the parent, and the host is asked for the rest.
So programs that are executed are always audited, and otherwise only the calls that some rule can match.
"""

from __future__ import annotations

import errno
import platform
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from tiercel.capture.audit_calls import CALLS
from tiercel.capture.audit_identity import EXECUTIONS
from tiercel.capture.audit_processes import CLONES
from tiercel.rules.event_types import GENERIC, event_names
from tiercel.rules.mentioned import fields_of
from tiercel.rules.model import Rule
from tiercel.rules.syntax import Node
from tiercel.sources.audit_live.rules import ARG0, PERM, SADDR_FAM, SUCCESS, AuditRule, Condition
from tiercel.sources.audit_syscalls import SOCKETCALLS, syscall_numbers
from tiercel.watching.assumed import Values, decide
from tiercel.wire.event_table import BY_CONSTANT, EVENTS

BUSY = frozenset(
    {"read", "write", "pread64", "pwrite64", "readv", "writev", "recv", "recvfrom", "recvmsg", "send", "close", "mmap",
     "mprotect", "brk", "munmap", "futex", "poll", "epoll_wait", "lseek", "fstat", "stat", "sendfile", "io_uring_enter"}
)  # fmt: skip
"""Calls that are never audited: programs make so many of them that auditing each would stop the host."""

_OPENS = frozenset({"open", "openat", "openat2", "creat"})
_ADDRESSED = frozenset({"connect", "bind", "sendto", "sendmsg"})
_SOCKETS = _ADDRESSED | {"socket", "accept", "accept4", "listen", "send", "recv", "recvfrom", "recvmsg", "shutdown"}
_AF_INET, _AF_INET6 = 2, 10
_WRITE, _READ = 2, 4
_COPIES = frozenset({"dup", "dup2", "dup3", "fcntl"})
_MAKERS = _OPENS | {"socket", "socketpair", "accept", "accept4", "pipe", "pipe2", "memfd_create"}
"""Calls that make descriptors."""
_MANY = 100  # event types from which on a rule asks about everything

_ERRORS = range(-4095, 0)
_FAILED: dict[str, Values] = {
    "evt.rawres": tuple(_ERRORS),
    "evt.rawarg.res": tuple(_ERRORS),
    "evt.res": tuple(name.encode() for name in errno.errorcode.values()),
    "evt.failed": (True,),
}
_NOT_OPENED: dict[str, Values] = {"fd.num": (None, *_ERRORS), "evt.rawarg.fd": tuple(_ERRORS)}
_NOT_INTERNET: dict[str, Values] = {
    "fd.typechar": tuple(bytes([letter]) for letter in b"acdefilmnopstu"),
    **{
        f"fd.{name}": (None,)
        for name in ("ip", "sip", "cip", "rip", "lip", "net", "snet", "cnet", "rnet", "lnet", "port", "sport", "cport",
                     "rport", "lport", "sip.name", "cip.name", "rip.name", "lip.name")
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Need:
    """What of a call is needed: ``failures`` too, opens with one of the access ``modes`` (bits of auditctl's ``perm``,
    0 for all), of sockets the internet's only."""

    failures: bool = True
    modes: int = 0
    internet: bool = False

    def __or__(self, other: Need) -> Need:
        return Need(
            self.failures or other.failures,
            self.modes | other.modes if self.modes and other.modes else 0,
            self.internet and other.internet,
        )


def audit_rules(rules: Iterable[Rule], architectures: Iterable[str] = ()) -> list[AuditRule]:
    """Return what to audit for ``rules``, on each architecture whose programs this host runs."""
    needs = needed_calls(rules)
    grouped: dict[Need, list[str]] = defaultdict(list)
    for name, need in sorted(needs.items()):
        grouped[need].append(name)
    return [
        rule
        for architecture in architectures or host_architectures()
        for need, names in grouped.items()
        for rule in _of_need(architecture, need, names)
    ]


def host_architectures(machine: str = "") -> tuple[str, ...]:
    """Return the architectures whose system calls are known that programs of this host may use."""
    return {"x86_64": ("x86_64", "i386"), "aarch64": ("aarch64",)}.get(machine or platform.machine(), ())


def needed_calls(rules: Iterable[Rule]) -> dict[str, Need]:
    """Return the calls to audit, by name, and what of them."""
    rules = list(rules)
    needs: dict[str, Need] = {name: Need(failures=False) for name in EXECUTIONS}
    for rule in rules:
        for name, need in rule_needs(rule).items():
            needs[name] = needs[name] | need if name in needs else need
    inet = [need for name, need in needs.items() if name in _ADDRESSED or name in ("accept", "accept4", "listen")]
    if inet:  # what kind of socket it is
        needs.setdefault("socket", Need(failures=False, internet=all(need.internet for need in inet)))
    if needs.keys() & {"listen", "accept", "accept4"}:
        needs.setdefault("bind", Need(failures=False, internet=all(need.internet for need in inet)))
    asked = {ref.text for rule in rules for ref in fields_of(rule.condition)}
    if needs.keys() & _COPIES and any(field.startswith("fd.") for field in asked):
        # closing is not audited: a number means what it was last made to mean, and a rule must not take it for a socket
        for name in _MAKERS:
            needs[name] = needs.get(name, Need(failures=False)) | Need(failures=False)
    if any(field.startswith(("proc.sid", "proc.sname", "proc.is_sid_leader")) for field in asked):
        needs.setdefault("setsid", Need(failures=False))
    if any(field.startswith(("proc.pgid", "proc.vpgid", "proc.is_pgid", "proc.is_vpgid")) for field in asked):
        needs.setdefault("setpgid", Need(failures=False))
    return needs


def rule_needs(rule: Rule) -> dict[str, Need]:
    """Return the calls that a rule can match, and what of them; :data:`BUSY` ones are left out."""
    condition = rule.condition
    return {
        name: _need(condition, name, event)
        for name, event in matched_calls(rule)
        if name not in BUSY and decide(condition, {"evt.type": _names(event)}) is not False
    }


def matched_calls(rule: Rule) -> Iterator[tuple[str, str]]:
    """Yield the calls whose events a rule is about, each with the event's name."""
    if rule.source != "syscall":
        return
    everything = len(rule.event_types) > _MANY
    for name, constant in call_constants().items():
        if BY_CONSTANT[constant] in rule.event_types and not (everything and name in ("exit_group", *CLONES)):
            yield name, EVENTS[BY_CONSTANT[constant]].name
    if everything or not rule.event_types & set(GENERIC):
        return
    for name in sorted(event_names(rule.condition) - call_constants().keys()):
        if any(syscall_numbers(architecture, name) for architecture in ("x86_64", "aarch64")):
            yield name, name


@cache
def call_constants() -> dict[str, str]:
    """Return the event of each call that audit records can tell, by the call's name."""
    found = {name: call.constant for name, call in CALLS.items()}
    found |= CLONES | {"exit_group": "PROCEXIT_1_E"}
    return found | {"execve": "SYSCALL_EXECVE_19_X", "execveat": "SYSCALL_EXECVEAT_X"}


def _names(event: str) -> Values:
    return (event.encode(),)


def _need(condition: Node, name: str, event: str) -> Need:
    known = {"evt.type": _names(event)}
    failed = known | _FAILED | (_NOT_OPENED if name in _OPENS else {})
    failures = decide(condition, failed) is not False
    modes = 0
    if name in _OPENS:
        unwritten = decide(condition, known | {"evt.is_open_write": (False,)})
        unread = decide(condition, known | {"evt.is_open_read": (False,)})
        modes = _WRITE if unwritten is False else _READ if unread is False else 0
    internet = name in _SOCKETS and decide(condition, known | _NOT_INTERNET) is False
    return Need(failures, modes, internet)


def _of_need(architecture: str, need: Need, names: list[str]) -> Iterator[AuditRule]:
    """Yield the audit rules of calls of which the same is needed."""
    conditions: tuple[Condition, ...] = () if need.failures else (Condition(SUCCESS, 1),)
    if need.modes:
        conditions += (Condition(PERM, need.modes),)
    if not need.internet:
        yield from _rule(architecture, names, conditions)
    else:
        rest = [name for name in names if name not in _ADDRESSED and name != "socket"]
        yield from _rule(architecture, rest, conditions)
        for family in (_AF_INET, _AF_INET6):
            made = (*conditions, Condition(ARG0, family))
            yield from _rule(architecture, [name for name in names if name == "socket"], made)
            addressed = (*conditions, Condition(SADDR_FAM, family))
            yield from _rule(architecture, [name for name in names if name in _ADDRESSED], addressed)
    if architecture == "i386":
        for name in names:
            if name in SOCKETCALLS:  # older programs make them through one call
                yield from _rule(architecture, ["socketcall"], (*conditions, Condition(ARG0, SOCKETCALLS.index(name))))


def _rule(architecture: str, names: list[str], conditions: tuple[Condition, ...]) -> Iterator[AuditRule]:
    known = [(name, number) for name in names for number in syscall_numbers(architecture, name)]
    if known:
        calls = tuple(dict.fromkeys(name for name, _ in known))
        yield AuditRule(architecture, calls, tuple(number for _, number in known), conditions)
