"""What is asked about a container, what is found, and who finds it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Protocol

Info = dict[str, Any]
"""The ``container`` object of a container event, in the shape of Falco's container plugin."""

_HEX_ID = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")


@dataclass(frozen=True, slots=True)
class Subject:
    """A container that is asked about.

    ``id`` is what ``container.id`` is, ``full_id`` the whole id, ``engine`` the kind of container as far as its cgroup
    tells, ``pid`` a process of it as the host numbers it, 0 without one, and ``cgroup`` the path that named it.
    """

    id: str
    full_id: str
    engine: str = ""
    pid: int = 0
    cgroup: str = ""

    @property
    def is_hex(self) -> bool:
        """Whether the id is one that runtimes give, of 64 hexadecimal digits: nothing else stands for a file there."""
        return _HEX_ID.fullmatch(self.full_id) is not None

    @property
    def is_name(self) -> bool:
        """Whether the id may be part of a path."""
        return _NAME.fullmatch(self.full_id) is not None


@dataclass(frozen=True, slots=True)
class Found:
    """What one resolver found.

    ``engine`` is the kind of container, ``root`` its file system as the host sees it, "" when that is not known.
    ``whole`` is false when asking again later may tell more.
    """

    info: Info
    engine: str
    root: str = ""
    whole: bool = True


class Resolver(Protocol):
    """Looks containers up in one place. Called by one thread at a time."""

    name: str
    engines: frozenset[str]
    """Kinds of containers it may know."""

    def resolve(self, subject: Subject) -> Found | None:
        """Return what is known of a container, None when it is not known here.

        Raises:
            OSError: the place could not be asked. TimeoutError is one.
        """

    def close(self) -> None:
        """Let go of connections. Calling it again does nothing."""


@dataclass(slots=True)
class IdentityMetrics:
    """Counts since the start; ``by_resolver`` and ``nanoseconds`` by the name of the resolver.

    ``containers`` is how many are known now. ``unknown`` containers were found by no resolver. ``refused`` were not
    looked up because too many waited. Events waited ``waits`` times for an answer, ``overdue`` of them in vain, for
    ``waited`` ns together.
    """

    containers: int = 0
    seen: int = 0
    unknown: int = 0
    refused: int = 0
    waits: int = 0
    overdue: int = 0
    waited: int = 0
    by_resolver: dict[str, int] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    timeouts: dict[str, int] = field(default_factory=dict)
    nanoseconds: dict[str, int] = field(default_factory=dict)
