"""Containers: their ids, from the cgroups of a thread, and their metadata, from container events.

Which cgroup paths name a container, and how its id is cut, follows the matchers of Falco's container plugin
(``plugins/container/src/matchers``), asked in its order. What they take for the host or misread is asked here besides:
machines of systemd-nspawn, and groups that a container makes below its own.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from tiercel.model.tables import Strings
from tiercel.model.world import Container, World

_ID_LENGTH = 64  # of a runc container's full id
_SHORT = 12
_HOST_UNITS = (b".service", b".slice", b".scope")
_NO_HEX = re.compile(rb"[^0-9a-fA-F]")
_NAMESPACE = re.compile(rb"/[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*/")
_BPM_ID = re.compile(rb"[A-Za-z0-9._-]+")
_NSPAWN = re.compile(
    rb"/(?:machine-(?!qemu\\x2d|lxc\\x2d)([^/]+)\.scope|systemd-nspawn@([^/]+)\.service)(/supervisor)?(?:/|$)"
)
_ESCAPE = re.compile(rb"\\x([0-9a-f]{2})")
_BELOW = re.compile(rb"[/:-]([0-9a-f]{64})(?=/|\.scope/)")

_LAYOUTS = (
    ("podman", b"/libpod-", b".scope"),
    ("podman", b"/libpod-", b".scope/container"),
    ("podman", b"/libpod-", b""),
    ("podman", b"/libpod-payload-", b".scope"),
    ("podman", b"/libpod-payload-", b".scope/container"),
    ("podman", b"/libpod-payload-", b""),
    ("", b"/", b""),
    ("docker", b"/docker-", b".scope"),
    ("cri-o", b"/crio-", b""),
    ("containerd", b"/cri-containerd-", b".scope"),
    ("cri-o", b"/crio-", b".scope"),
    ("containerd", b":cri-containerd:", b""),
    ("containerd", b"/nerdctl-", b".scope"),
)
_LXC = (b"/lxc/", b"/lxc.payload/", b"/lxc.payload.")


@dataclass(frozen=True, slots=True)
class Named:
    """What a cgroup path says of a container: its id as ``container.id`` has it, the whole id, and the engine.

    The engine is "" where the path leaves open which one it is.
    """

    id: bytes
    full: bytes
    engine: str


MAX_VERSIONS = 64
"""Most tellings kept of one container."""

MAX_CONTAINERS = 65_536
"""Most containers kept."""

MAX_REMOVED = 2048
"""Most of them kept after they were removed, for events that come late; the first removed go first."""


def _runc(cgroup: bytes, prefix: bytes, suffix: bytes) -> tuple[int, int] | None:
    """Return where the id stands in a cgroup path that has ``prefix`` before it and ``suffix`` behind."""
    start = cgroup.rfind(prefix)
    end = cgroup.rfind(suffix) if suffix else len(cgroup)
    if start < 0 or end < 0:
        return None
    start += len(prefix)
    return (start, end) if start < end <= start + _ID_LENGTH else None


def _full_id(cgroup: bytes, start: int, end: int) -> bytes | None:
    """Return a full id. What follows byte 64 of the whole path is not looked at, as in the plugin."""
    if end - start != _ID_LENGTH:
        return None
    other = _NO_HEX.search(cgroup, start)
    return cgroup[start:end] if other is None or other.start() >= _ID_LENGTH else None


def _machine(found: re.Match[bytes]) -> Named | None:
    """A machine of systemd-nspawn, by its name; what runs it on the host's side is not in it."""
    if found[3]:
        return None
    id = _ESCAPE.sub(lambda escape: bytes([int(escape[1], 16)]), found[1] or found[2])
    return Named(id, id, "systemd-nspawn")


def _containerd(cgroup: bytes) -> Named | None:
    """``/namespace/id``, where neither is known beforehand; systemd units look the same and are left out."""
    found = _NAMESPACE.search(cgroup)
    if found is None:
        return None
    span = _runc(cgroup, found.group(), b"")
    if span is None:
        return None
    full = _full_id(cgroup, *span)
    if full is None and cgroup.endswith(_HOST_UNITS):
        return None
    full = full or cgroup[span[0] : span[1]]
    return Named(full[:_SHORT], full, "containerd")


def _lxc(cgroup: bytes) -> Named | None:
    for layout in _LXC:
        at = cgroup.find(layout)
        if at >= 0:
            id = cgroup[at + len(layout) :].partition(b"/")[0]
            return Named(id, id, "lxc")
    return None


def _libvirt_lxc(cgroup: bytes) -> Named | None:
    if cgroup.endswith(b".libvirt-lxc") and cgroup.find(b".libvirt-lxc") == len(cgroup) - 12 and b"/" in cgroup:
        return _domain(cgroup[cgroup.rfind(b"/") + 1 : -12])
    at = cgroup.find(b"-lxc\\x2")
    if at >= 0:
        unit = b".scope/libvirt" if b".scope/libvirt" in cgroup else b".scope"
        end = cgroup.find(unit)
        if end >= 0 and end == len(cgroup) - len(unit):
            return _domain(cgroup[at + 8 : end])
    at = cgroup.find(b"/libvirt/lxc/")
    return _domain(cgroup[at + 13 :]) if at >= 0 else None


def _domain(id: bytes) -> Named:
    return Named(id, id, "libvirt-lxc")


def _bpm(cgroup: bytes) -> Named | None:
    at = cgroup.find(b"bpm-")
    if at < 0:
        return None
    id = cgroup[at + 4 :].partition(b".scope")[0]
    return Named(id, id, "bpm") if _BPM_ID.fullmatch(id) else None


def _below(cgroup: bytes) -> Named | None:
    """A group inside that of a container, as an init system in it makes."""
    found = None
    for found in _BELOW.finditer(cgroup):  # noqa: B007 -- the innermost counts
        pass
    return Named(found[1][:_SHORT], found[1], "") if found else None


def name(cgroup: bytes) -> Named | None:
    """Return which container a cgroup path belongs to, None for the host."""
    machine = _NSPAWN.search(cgroup)
    if machine is not None:
        return _machine(machine)
    for engine, prefix, suffix in _LAYOUTS:
        span = _runc(cgroup, prefix, suffix)
        if span is not None:
            full = _full_id(cgroup, *span)
            if full is not None:
                return Named(full[:_SHORT], full, engine)
    for matcher in (_containerd, _lxc, _libvirt_lxc, _bpm, _below):
        found = matcher(cgroup)
        if found is not None and found.id:
            return found
    return None


def match(cgroup: bytes) -> bytes:
    """Return the id of the container that a cgroup path belongs to, b"" for the host.

    >>> match(b"/docker/5d146d898ce4" + 52 * b"0")
    b'5d146d898ce4'
    >>> match(b"/user.slice")
    b''
    """
    found = name(cgroup)
    return found.id if found is not None else b""


def first_named(cgroups: bytes) -> tuple[Named, bytes] | None:
    """Return the container that the cgroups of a thread name first, and the path that does; None for the host.

    ``cgroups`` are ``subsystem=path`` texts, each ended by a NUL byte.
    """
    for item in cgroups.split(b"\0"):
        path = item.partition(b"=")[2]
        found = name(path)
        if found is not None:
            return found, path
    return None


class ContainerIds:
    """Container ids by the string number of a thread's cgroups."""

    def __init__(self, strings: Strings) -> None:
        self.strings = strings
        self._known: dict[int, int] = {}

    def of(self, cgroups: int) -> int:
        """Return the string number of the container id that ``cgroups`` name first, -1 for the host."""
        found = self._known.get(cgroups)
        if found is None:
            named = first_named(self.strings.values[cgroups])
            found = -1 if named is None else self.strings.intern(named[0].id)
            self._known[cgroups] = found
        return found

    def renumber(self) -> None:
        """Forget all numbers: the strings were renumbered."""
        self._known = {}


def tell(world: World, text: bytes, num: int, removed: bool = False) -> None:
    """Take in the JSON of a container event, number ``num``. A removed container is told with empty metadata.

    JSON that cannot be read tells nothing.
    """
    try:
        event = json.loads(text.partition(b"\0")[0].decode(errors="replace"))
        info = event["container"]
        id = info["id"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return
    if not isinstance(info, dict) or not isinstance(id, str):
        return
    try:
        key = id.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return
    if key not in world.containers and len(world.containers) >= MAX_CONTAINERS:
        return
    versions = world.containers.setdefault(key, [])
    if removed:
        _remove(world, key)
    else:
        world.removed.pop(key, None)
    versions.append(Container(key, num, {} if removed else info))
    world.told = num
    if len(versions) > MAX_VERSIONS:
        del versions[0]


def _remove(world: World, id: bytes) -> None:
    """Forget the users and groups of a container that is removed, and the container that was removed longest ago."""
    for people in (world.users, world.groups):
        for key in [key for key in people if key[0] == id]:
            del people[key]
    world.removed[id] = None
    if len(world.removed) > MAX_REMOVED:
        first = next(iter(world.removed))
        del world.removed[first], world.containers[first]
