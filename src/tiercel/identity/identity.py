"""Who the containers are whose processes come by: looked up while the events wait, told as events before them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from tiercel.identity import events
from tiercel.identity.asking import Answer, Asking, Round
from tiercel.identity.model import Found, IdentityMetrics, Info, Resolver, Subject
from tiercel.identity.people import People, of_host
from tiercel.identity.resolvers import local_resolvers, remote_resolvers
from tiercel.identity.settings import IdentitySettings
from tiercel.identity.shape import blank, merged
from tiercel.state.containers import Named, first_named

MAX_CONTAINERS = 16_384
"""Most containers known at a time."""

_MAX_SETTLED = 65_536  # cgroups of which nothing more is to be learnt
_BY_ID = frozenset(("lxc", "libvirt-lxc", "bpm", "systemd-nspawn"))
_AGAIN = (1.0, 5.0, 30.0)  # seconds after which what was not told in full is asked for again
_PEOPLE_TRIES = 20
_ROUND = 5.0  # seconds between two looks at what has ended and who is on the host


@dataclass(slots=True)
class _Known:
    """A container that was met."""

    subject: Subject
    info: Info = field(default_factory=dict)
    engine: str = ""
    people: People | None = None
    people_tries: int = 0
    asking: bool = False  # for its people
    again: int = 0  # how often it was asked for again
    due: float = 0.0  # when to ask again, 0 for never
    ended: float = 0.0  # since when it has, 0 while it has not
    cgroups: set[bytes] = field(default_factory=set)


class Identity:
    """Tells who the containers of a host are. Used by one thread, that of the events; close it.

    ``metrics`` counts; the threads that look things up begin with the first container.

    Args:
        settings: which engines are asked, and where.
        local: resolvers that answer at once, by default those that read the runtimes' files.
        remote: resolvers that ask others, by default the sockets of the runtimes that are there.
    """

    def __init__(
        self,
        settings: IdentitySettings | None = None,
        local: Sequence[Resolver] | None = None,
        remote: Sequence[Resolver] | None = None,
    ) -> None:
        self.settings = settings = settings or IdentitySettings()
        self.metrics = IdentityMetrics()
        near = local_resolvers(settings) if local is None else local
        far = remote_resolvers(settings) if remote is None else remote
        self._asking = Asking(near, far, settings.whole, self.metrics)
        self._known: dict[str, _Known] = {}
        self._settled: set[bytes] = set()
        self._round = time.monotonic() + _ROUND
        self._host = of_host()

    def close(self) -> None:
        """Stop looking things up. Calling it again does nothing."""
        self._asking.close()

    def meet(
        self,
        seen: Iterable[tuple[bytes, int]],
        ts: int,
        meanwhile: Callable[[], object] | None = None,
        patience: float | None = None,
    ) -> bytes:
        """Take note of processes; return what became known of containers, users and groups, as event blocks.

        When a container is among them that was not met before, it waits for what is known of it.

        Args:
            seen: cgroups and process id of each; the cgroups as events hold them. May be empty.
            ts: time of the events returned, ns since the epoch.
            meanwhile: called every now and then while it waits.
            patience: seconds to wait at most, by default those of the settings, or less when events have waited for
                much of the time before.
        """
        for cgroups, pid in seen:
            if cgroups not in self._settled:
                self._see(cgroups, pid)
        if self._asking.waiting:
            always = patience is not None
            self._asking.wait(self.settings.patience if patience is None else patience, meanwhile, always)
        now = time.monotonic()
        if now >= self._round:
            self._go_round(now)
        return self._tell(ts, now) if self._asking.answered or now >= self._round else b""

    def _see(self, cgroups: bytes, pid: int) -> None:
        """Take note of one process whose cgroups were not settled."""
        if len(self._settled) >= _MAX_SETTLED:
            self._settled.clear()
        named = first_named(cgroups)
        subject = None if named is None else _subject(*named, pid)
        if subject is None or not self.settings.looks_up(subject.engine):
            self._settled.add(cgroups)
            return
        known = self._known.get(subject.id)
        if known is None:
            if len(self._known) >= MAX_CONTAINERS:
                self.metrics.refused += 1
                return
            known = self._known[subject.id] = _Known(subject, engine=subject.engine)
            self.metrics.seen += 1
            self._ask(known)
        elif known.ended:
            known.ended, known.again = 0.0, 0
            self._ask(known)
        if known.people is not None or known.people_tries >= _PEOPLE_TRIES or not known.info:
            self._settled.add(cgroups)
            known.cgroups.add(cgroups)
        elif not known.asking:
            known.people_tries += 1
            known.asking = self._asking.ask_people(known.subject, pid)

    def _ask(self, known: _Known) -> None:
        """Let a container be looked up; some are known already."""
        subject = known.subject
        if subject.engine in _BY_ID:
            info = blank(subject, subject.engine) | {"name": subject.id}
            self._asking.post(Answer(subject, Found(info, subject.engine)))
        else:
            self._asking.ask(subject)

    def _go_round(self, now: float) -> None:
        """Ask again for what was not told in full, and have a look round."""
        for known in self._known.values():
            if known.due and now >= known.due:
                known.due = 0.0
                known.again += 1
                if known.info:
                    self._asking.ask_remote(known.subject, known.engine)
                else:
                    self._asking.ask(known.subject, wait=False)
        self._asking.look_round({id: known.subject.cgroup for id, known in self._known.items() if not known.ended})

    def _tell(self, ts: int, now: float) -> bytes:
        """Return what became known as event blocks."""
        out = bytearray()
        for answer in self._asking.answers():
            if isinstance(answer, Round):
                out += self._take_round(answer, ts, now)
            else:
                out += self._take(answer, ts, now)
        gone = [id for id, known in self._known.items() if known.ended and now >= known.ended + self.settings.linger]
        for id in gone:
            known = self._known.pop(id)
            self._unsettle(known)
            if known.info:
                out += events.container(ts, known.info, removed=True)
        if now >= self._round:
            due = (known.due for known in self._known.values() if known.due)
            self._round = min(now + _ROUND, *due, now + _ROUND)
        self.metrics.containers = len(self._known)
        return bytes(out)

    def _take_round(self, round: Round, ts: int, now: float) -> bytes:
        """Return the events that follow from a look round."""
        for id in round.ended & self._known.keys():
            self._known[id].ended = self._known[id].ended or now
            self._unsettle(self._known[id])
        if round.people is None:
            return b""
        before, self._host = self._host, round.people
        return events.people(ts, "", before, round.people)

    def _take(self, answer: Answer, ts: int, now: float) -> bytes:
        """Return the events that follow from one answer."""
        known, found, out = self._known.get(answer.subject.id), answer.found, b""
        if known is None or known.subject is not answer.subject:
            return out  # removed meanwhile
        if answer.of_people:
            known.asking = False
        elif found is not None:
            known.engine = found.engine
            info = merged(known.info or blank(known.subject, known.engine), found.info)
            if not known.info:
                self._unsettle(known)  # its people are still to be found
            if info != known.info:
                known.info = info
                out += events.container(ts, info)
        if answer.last and not answer.of_people and (found is None or not found.whole):
            self._come_back(known, now)
        if answer.people is not None and answer.people != known.people:
            out += events.people(ts, known.subject.id, known.people or People(), answer.people)
            known.people = answer.people
        return out

    def _unsettle(self, known: _Known) -> None:
        """Look at the cgroups of a container again when a process in them is seen."""
        self._settled -= known.cgroups
        known.cgroups.clear()

    def _come_back(self, known: _Known, now: float) -> None:
        """Have a container asked for again later, a few times."""
        most = len(_AGAIN) if known.info or known.subject.is_hex else 1  # what only looks like one is soon let be
        if known.again < most:
            known.due = now + _AGAIN[known.again]
            self._round = min(self._round, known.due)
        if not known.info and not known.again:
            self.metrics.unknown += 1


def _subject(named: Named, path: bytes, pid: int) -> Subject | None:
    """Return what to ask about, None for ids that are no text."""
    try:
        return Subject(named.id.decode(), named.full.decode(), named.engine, pid, path.decode())
    except UnicodeDecodeError:
        return None
