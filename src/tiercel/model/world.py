"""What is known of the host a capture was taken on: machine, users, groups, interfaces, containers."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Machine:
    """Machine info block. Times in ns, memory in bytes."""

    cpus: int = 0
    memory: int = 0
    max_pid: int = 0
    hostname: str = ""
    boot_ts: int = 0
    flags: int = 0


@dataclass(frozen=True, slots=True)
class User:
    uid: int
    gid: int
    name: bytes
    home: bytes
    shell: bytes


@dataclass(frozen=True, slots=True)
class Group:
    gid: int
    name: bytes


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface; addresses are 4 or 16 bytes in network order."""

    name: bytes
    address: bytes
    netmask: bytes
    broadcast: bytes = b""
    speed: int = 0


@dataclass(frozen=True, slots=True)
class Container:
    """Container metadata as the container event gave it; ``info`` is the parsed JSON of its ``container`` object."""

    id: bytes
    since: int  # number of the event that told it
    info: dict[str, object]


@dataclass(slots=True)
class World:
    """Grows as the capture is read. Users and groups are keyed by (container id, number), b"" being the host."""

    machine: Machine = field(default_factory=Machine)
    users: dict[tuple[bytes, int], User] = field(default_factory=dict)
    groups: dict[tuple[bytes, int], Group] = field(default_factory=dict)
    interfaces: list[Interface] = field(default_factory=list)
    containers: dict[bytes, list[Container]] = field(default_factory=dict)
    told: int = -1  # number of the event that told of a container last, -1 where that is not known
    removed: dict[bytes, None] = field(default_factory=dict)  # ids of those removed, the first removed first

    def container(self, id: bytes, num: int) -> Container | None:
        """Return what was known of container ``id`` when event ``num`` was handled."""
        known = None
        for version in self.containers.get(id, ()):
            if version.since > num:
                break
            known = version
        return known
