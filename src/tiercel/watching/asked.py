"""What rules ask about descriptors: whether any of them would notice that a file was never known to be open."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from tiercel.rules.mentioned import fields_of_rule
from tiercel.rules.model import Rule
from tiercel.rules.syntax import FieldRef
from tiercel.watching.possible import NO_SOCKET, Happened, verdict
from tiercel.wire.event_table import BY_CONSTANT, EVENTS, Event, ParamType

_ALL_DESCRIPTORS = ("proc.stdin.", "proc.stdout.", "proc.stderr.", "proc.fd", "fd.types", "fdlist.")
"""Fields about descriptors that need not be the event's own."""

_OF_DESCRIPTORS = (
    "fd.", "net.", "evt.args", "evt.arg", "evt.info", "evt.is_syslog", "evt.category", "evt.buflen.file",
    "evt.buflen.net", "evt.count.error", "evt.remote_", "evt.local_",
)  # fmt: skip
_OF_PATHS = ("fs.path.", "evt.abspath")
_NUMBERS = ("fd.num", "fd.uid")

_EMPTY_PATHS = frozenset(
    BY_CONSTANT[name]
    for name in ("SYSCALL_FCHMODAT_X", "SYSCALL_FCHOWNAT_X", "SYSCALL_LINKAT_2_X", "SYSCALL_NEWFSTATAT_X",
                 "SYSCALL_EXECVEAT_X", "SYSCALL_OPEN_BY_HANDLE_AT_X")
)  # fmt: skip
"""Events of calls that may be about the descriptor of a directory itself, which then may be a file."""

_FOLDERS = ("dirfd", "olddir", "newdir")
"""Ends of the names of parameters that are descriptors of directories."""

_DELTAS = ("evt.deltatime",)


def about_events_before(rules: Iterable[Rule]) -> bool:
    """Return whether any rule asks for the time since the event before, whichever that was."""
    return any(ref.field.name.startswith(_DELTAS) for rule in rules for ref in fields_of_rule(rule))


_FREE = ("proc.", "user.", "group.", "container.", "k8s.", "thread.", "syscall.")
_FREE_OF_EVENTS = (
    "evt.num", "evt.time", "evt.datetime", "evt.rawtime", "evt.reltime", "evt.outputtime", "evt.hostname", "evt.source",
    "evt.type", "evt.dir", "evt.cpu", "evt.res", "evt.rawres", "evt.failed", "evt.is_async", "evt.asynctype",
)  # fmt: skip
_DIRECTORIES = ("proc.cwd",)


def about_descriptors(rule: Rule) -> bool:
    """Return whether anything a rule asks may follow from descriptors: files, sockets, or the working directory."""
    return not all(_free(ref, rule.event_types) for ref in fields_of_rule(rule))


def _free(ref: FieldRef, events: Collection[int]) -> bool:
    name = ref.field.name
    if name.startswith((*_ALL_DESCRIPTORS, *_DIRECTORIES)):
        return False
    if name == "evt.arg" and isinstance(ref.argument, str) and not ref.argument.isdigit():
        params = (param for event in events for param in EVENTS[event].params if param.name == ref.argument)
        return all(param.type not in _NAMED for param in params)
    return name.startswith(_FREE) or name.startswith(_FREE_OF_EVENTS)


def about_files(rule: Rule, events: Collection[int]) -> bool:
    """Return whether a rule may ask about a file that was opened before, at one of these events.

    It does not where its condition fails for descriptors that are files and for those nothing is known of.
    """
    refs = list(fields_of_rule(rule))
    if any(ref.field.name.startswith(_ALL_DESCRIPTORS) for ref in refs):
        return True
    return any(
        any(_tells(ref, event) for ref in refs) and verdict(rule.condition, _with_file(event)) is not False
        for event in rule.event_types.intersection(events)
    )


def _with_file(event: int) -> Happened:
    return Happened(event, NO_SOCKET if EVENTS[event].constant.startswith("SOCKET_") else None, file=True)


def _tells(ref: FieldRef, event: int) -> bool:
    """Whether a field of an event of this type may depend on a descriptor opened before."""
    name = ref.field.name
    if name.startswith(_OF_PATHS):
        return event in _EMPTY_PATHS
    if not name.startswith(_OF_DESCRIPTORS) or name in _NUMBERS:
        return False
    if name == "evt.arg" and isinstance(ref.argument, str) and not ref.argument.isdigit():
        return ref.argument in _FILES[event]
    return bool(_FILES[event])


_NAMED = frozenset({ParamType.FD, ParamType.FD32, ParamType.FDLIST, ParamType.FSPATH, ParamType.FSRELPATH})
"""Parameters that are shown with what is known of descriptors or the working directory."""


def _files(event: Event) -> frozenset[str]:
    """Return the parameters of an event that are descriptors opened before and may be of files."""
    kinds = (ParamType.FD, ParamType.FDLIST, ParamType.FD32)
    return frozenset(
        param.name
        for param in event.params
        if param.type in kinds and (event.number in _EMPTY_PATHS or not param.name.endswith(_FOLDERS))
    )


_FILES = [_files(event) for event in EVENTS]
