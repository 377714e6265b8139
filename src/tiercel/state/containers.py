"""Containers: their ids, from the cgroups of a thread, and their metadata, from container events.

Which cgroup paths name a container, and how its id is cut, follows the matchers of Falco's container plugin 0.7.1
(``plugins/container/src/matchers``), asked in its order.
"""

from __future__ import annotations

import json
import re

from tiercel.model.tables import Strings
from tiercel.model.world import Container, World

_ID_LENGTH = 64  # of a runc container's full id
_SHORT = 12
_HOST_UNITS = (b".service", b".slice", b".scope")
_NO_HEX = re.compile(rb"[^0-9a-fA-F]")
_NAMESPACE = re.compile(rb"/[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*/")
_BPM_ID = re.compile(rb"[A-Za-z0-9._-]+")

_LAYOUTS = (
    # podman
    (b"/libpod-", b".scope"),
    (b"/libpod-", b".scope/container"),
    (b"/libpod-", b""),
    (b"/libpod-payload-", b".scope"),
    (b"/libpod-payload-", b".scope/container"),
    (b"/libpod-payload-", b""),
    # docker
    (b"/", b""),
    (b"/docker-", b".scope"),
    # containerd and cri-o under Kubernetes
    (b"/crio-", b""),
    (b"/cri-containerd-", b".scope"),
    (b"/crio-", b".scope"),
    (b":cri-containerd:", b""),
)
_LXC = (b"/lxc/", b"/lxc.payload/", b"/lxc.payload.")

MAX_VERSIONS = 64
"""Most tellings kept of one container."""

MAX_CONTAINERS = 65_536
"""Most containers kept."""


def _runc(cgroup: bytes, prefix: bytes, suffix: bytes) -> tuple[int, int] | None:
    """Return where the id stands in a cgroup path that has ``prefix`` before it and ``suffix`` behind."""
    start = cgroup.rfind(prefix)
    end = cgroup.rfind(suffix) if suffix else len(cgroup)
    if start < 0 or end < 0:
        return None
    start += len(prefix)
    return (start, end) if start < end <= start + _ID_LENGTH else None


def _full_id(cgroup: bytes, start: int, end: int) -> bytes | None:
    """Return the short form of a full id. What follows byte 64 of the whole path is not looked at, as in the plugin."""
    if end - start != _ID_LENGTH:
        return None
    other = _NO_HEX.search(cgroup, start)
    return cgroup[start : start + _SHORT] if other is None or other.start() >= _ID_LENGTH else None


def _containerd(cgroup: bytes) -> bytes | None:
    """``/namespace/id``, where neither is known beforehand; systemd units look the same and are left out."""
    found = _NAMESPACE.search(cgroup)
    if found is None:
        return None
    span = _runc(cgroup, found.group(), b"")
    if span is None:
        return None
    full = _full_id(cgroup, *span)
    if full is not None:
        return full
    return None if cgroup.endswith(_HOST_UNITS) else cgroup[span[0] : min(span[1], span[0] + _SHORT)]


def _lxc(cgroup: bytes) -> bytes | None:
    for layout in _LXC:
        at = cgroup.find(layout)
        if at >= 0:
            return cgroup[at + len(layout) :].partition(b"/")[0]
    return None


def _libvirt_lxc(cgroup: bytes) -> bytes | None:
    if cgroup.endswith(b".libvirt-lxc") and cgroup.find(b".libvirt-lxc") == len(cgroup) - 12 and b"/" in cgroup:
        return cgroup[cgroup.rfind(b"/") + 1 : -12]
    at = cgroup.find(b"-lxc\\x2")
    if at >= 0:
        unit = b".scope/libvirt" if b".scope/libvirt" in cgroup else b".scope"
        end = cgroup.find(unit)
        if end >= 0 and end == len(cgroup) - len(unit):
            return cgroup[at + 8 : end]
    at = cgroup.find(b"/libvirt/lxc/")
    return cgroup[at + 13 :] if at >= 0 else None


def _bpm(cgroup: bytes) -> bytes | None:
    at = cgroup.find(b"bpm-")
    if at < 0:
        return None
    id = cgroup[at + 4 :].partition(b".scope")[0]
    return id if _BPM_ID.fullmatch(id) else None


def match(cgroup: bytes) -> bytes:
    """Return the id of the container that a cgroup path belongs to, b"" for the host.

    >>> match(b"/docker/5d146d898ce4" + 52 * b"0")
    b'5d146d898ce4'
    >>> match(b"/user.slice")
    b''
    """
    for prefix, suffix in _LAYOUTS:
        span = _runc(cgroup, prefix, suffix)
        if span is not None:
            full = _full_id(cgroup, *span)
            if full is not None:
                return full
    for matcher in (_containerd, _lxc, _libvirt_lxc, _bpm):
        found = matcher(cgroup)
        if found is not None:
            return found
    return b""


class ContainerIds:
    """Container ids by the string number of a thread's cgroups."""

    def __init__(self, strings: Strings) -> None:
        self.strings = strings
        self._known: dict[int, int] = {}

    def of(self, cgroups: int) -> int:
        """Return the string number of the container id that ``cgroups`` name first, -1 for the host."""
        found = self._known.get(cgroups)
        if found is None:
            found = -1
            for item in self.strings.values[cgroups].split(b"\0"):
                id = match(item.partition(b"=")[2])
                if id:
                    found = self.strings.intern(id)
                    break
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
    versions.append(Container(key, num, {} if removed else info))
    if len(versions) > MAX_VERSIONS:
        del versions[0]
