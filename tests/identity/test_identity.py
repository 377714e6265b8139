"""Who is asked, how long events wait, and what is told when."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.identity.made import ID, spec, task
from tests.identity.test_events import track
from tiercel.identity import identity as module
from tiercel.identity.bundle import Bundles
from tiercel.identity.identity import Identity
from tiercel.identity.lookup import Lookups
from tiercel.identity.model import Found, IdentityMetrics, Info, Resolver, Subject
from tiercel.identity.settings import IdentitySettings
from tiercel.identity.shape import blank
from tiercel.identity.workers import Workers
from tiercel.model.world import World

CGROUPS = f"cpu=/docker/{ID}\0memory=/docker/{ID}\0".encode()
SHORT = ID[:12].encode()


class Answering:
    """A resolver that answers as it is told to."""

    engines = frozenset(("docker",))

    def __init__(self, name: str, answer: Callable[[Subject], Found | None]) -> None:
        self.name, self.answer = name, answer
        self.asked = 0

    def resolve(self, subject: Subject) -> Found | None:
        self.asked += 1
        return self.answer(subject)

    def close(self) -> None:
        pass


def telling(whole: bool = True, **info: object) -> Callable[[Subject], Found | None]:
    return lambda subject: Found(blank(subject, "docker") | info, "docker", whole=whole)


def nothing(subject: Subject) -> Found | None:
    return None


@pytest.fixture
def make() -> Iterator[Callable[..., Identity]]:
    made: list[Identity] = []

    def make(local: list[Resolver], remote: list[Resolver], **settings: object) -> Identity:
        made.append(Identity(replace(IdentitySettings(), **settings), local, remote))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for identity in made:
        identity.close()


def told(blocks: bytes, id: bytes = SHORT) -> Info:
    """Return what is known of a container after these events."""
    world = World()
    if blocks:
        track(world, blocks)
    known = world.container(id, 1 << 60)
    return known.info if known else {}


def after(event: threading.Event, answer: Callable[[Subject], Found | None]) -> Callable[[Subject], Found | None]:
    """Return an answer that comes once the event is set."""

    def wait(subject: Subject) -> Found | None:
        event.wait(5)
        return answer(subject)

    return wait


def slowly(seconds: float, answer: Callable[[Subject], Found | None]) -> Callable[[Subject], Found | None]:
    def wait(subject: Subject) -> Found | None:
        time.sleep(seconds)
        return answer(subject)

    return wait


def later(identity: Identity, seconds: float = 5.0) -> bytes:
    """Return the next that becomes known."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        blocks = identity.meet((), 2)
        if blocks:
            return blocks
        time.sleep(0.005)
    return b""


def test_the_first_to_come_waits_for_the_answer(make: Callable[..., Identity]) -> None:
    slow = Answering("slow", slowly(0.1, telling(name="web")))
    identity = make([], [slow])
    looks: list[int] = []
    blocks = identity.meet([(CGROUPS, 1)], 1, lambda: looks.append(1))
    assert told(blocks)["name"] == "web"
    assert len(looks) > 2  # rings are emptied meanwhile
    assert identity.meet([(CGROUPS, 2)], 1) == b""
    assert slow.asked == 1
    assert (identity.metrics.waits, identity.metrics.overdue, identity.metrics.containers) == (1, 0, 1)


def test_files_are_enough_and_sockets_add_to_them_later(make: Callable[..., Identity]) -> None:
    go = threading.Event()
    far = Answering("far", after(go, telling(ip="10.0.0.1")))
    identity = make([Answering("near", telling(whole=False, name="web"))], [far])
    began = time.monotonic()
    first = told(identity.meet([(CGROUPS, 1)], 1))
    assert time.monotonic() - began < 0.4
    assert (first["name"], first["ip"]) == ("web", "")
    go.set()
    second = told(later(identity))
    assert (second["name"], second["ip"]) == ("web", "10.0.0.1")


def test_events_wait_for_all_of_it_if_asked_to(make: Callable[..., Identity]) -> None:
    near, far = Answering("near", telling(whole=False, name="web")), Answering("far", telling(ip="10.0.0.1"))
    assert told(make([near], [far], whole=True).meet([(CGROUPS, 1)], 1))["ip"] == "10.0.0.1"


def test_patience_ends_and_the_answer_comes_later(make: Callable[..., Identity]) -> None:
    go = threading.Event()
    far = Answering("far", after(go, telling(name="web")))
    identity = make([], [far], patience=0.05)
    assert identity.meet([(CGROUPS, 1)], 1) == b""
    assert identity.metrics.overdue == 1
    began = time.monotonic()
    assert identity.meet([(CGROUPS, 1)], 1) == b""  # nobody waits twice
    assert time.monotonic() - began < 0.04
    go.set()
    assert told(later(identity))["name"] == "web"


def test_slow_sockets_delay_events_for_a_part_of_the_time_only(make: Callable[..., Identity]) -> None:
    identity = make([], [Answering("far", slowly(0.4, telling(name="web")))], patience=0.3)
    began = time.monotonic()
    for number in range(30):
        identity.meet([(f"cpu=/docker/{f'{number:064x}'[::-1]}\0".encode(), 1)], 1)
    assert 2.0 < time.monotonic() - began < 4.0  # not 9
    assert identity.metrics.overdue == 30


def test_what_nobody_knows_is_told_once_it_is_known(
    make: Callable[..., Identity], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_AGAIN", (0.05, 0.05))
    answers = iter([None, "web", "web"])
    far = Answering("far", lambda subject: telling(name=name)(subject) if (name := next(answers)) else None)
    identity = make([], [far])
    assert identity.meet([(CGROUPS, 1)], 1) == b""
    assert identity.metrics.unknown == 1
    assert told(later(identity))["name"] == "web"
    assert far.asked == 2


def test_nobody_is_asked_about_the_host_or_a_kind_that_is_off(make: Callable[..., Identity]) -> None:
    near = Answering("near", telling(name="web"))
    identity = make([near], [], docker=False)
    docker = f"cpu=/system.slice/docker-{ID}.scope\0".encode()
    assert identity.meet([(b"cpu=/\0", 1), (docker, 2), (b"", 3), (b"cpu=/user.slice\0", 4)], 1) == b""
    assert near.asked == 0


@pytest.mark.parametrize(
    ("path", "id", "type"),
    [
        ("/lxc.payload.web", b"web", 1),
        ("/machine.slice/machine-web.scope/payload", b"web", 0xFFFF),
        ("/bpm-job.scope", b"job", 9),
    ],
)
def test_some_are_known_by_their_id_alone(make: Callable[..., Identity], path: str, id: bytes, type: int) -> None:
    identity = make([], [])
    info = told(identity.meet([(f"cpu={path}\0".encode(), 1)], 1), id)
    assert (info["name"], info["type"]) == (id.decode(), type)


def test_a_container_that_ended_is_forgotten_and_may_come_back(
    make: Callable[..., Identity], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_ROUND", 0.02)
    ended: set[str] = set()
    near = Answering("near", telling(name="web"))
    identity = make([near], [], linger=0.05)
    monkeypatch.setattr(identity._asking._endings, "ended", lambda cgroups: ended & set(cgroups))
    identity._round = 0
    assert told(identity.meet([(CGROUPS, 1)], 1))["name"] == "web"
    ended.add(ID[:12])
    gone = later(identity)
    assert b"container_removed" in gone
    assert told(gone) == {}
    assert identity.metrics.containers == 0
    ended.clear()
    assert told(identity.meet([(CGROUPS, 9)], 3))["name"] == "web"
    assert near.asked == 2


def test_people_come_with_the_container(make: Callable[..., Identity], tmp_path: Path) -> None:
    folder = task(tmp_path, "default", ID, spec())
    (folder / "rootfs/etc").mkdir(parents=True)
    (folder / "rootfs/etc/passwd").write_text("shop:x:4242:4242::/srv:/bin/sh\n")
    settings = replace(IdentitySettings(), containerd_states=(str(tmp_path),))
    identity = make([Bundles(settings)], [])
    world = World()
    track(world, identity.meet([(CGROUPS, 1)], 1))
    assert world.users[SHORT, 4242].name == b"shop"


def test_the_hosts_own_people_are_followed(
    make: Callable[..., Identity], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOST_ROOT", str(tmp_path))
    monkeypatch.setattr(module, "_ROUND", 0.02)
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("a:x:1:1::/:\n")
    identity = make([], [])
    identity._round = 0
    (tmp_path / "etc/passwd").write_text("a:x:1:1::/:\nnew:x:2:2::/home/new:/bin/sh\n")
    world = World()
    track(world, later(identity))
    assert {key: user.name for key, user in world.users.items()} == {(b"", 2): b"new"}


def test_many_at_once_are_all_told(make: Callable[..., Identity]) -> None:
    identity = make([Answering("near", lambda subject: telling(name=subject.id)(subject))], [])
    ids = [f"{number:064x}"[::-1] for number in range(1000)]
    blocks = identity.meet([(f"cpu=/docker/{id}\0".encode(), 1) for id in ids], 1, patience=20)
    world = World()
    track(world, blocks)
    assert len(world.containers) == 1000


def test_it_closes_while_a_resolver_hangs(make: Callable[..., Identity]) -> None:
    identity = make([], [Answering("far", slowly(3, nothing))], patience=0.01)
    identity.meet([(CGROUPS, 1)], 1)
    began = time.monotonic()
    identity.close()
    identity.close()
    assert time.monotonic() - began < 1.5


class TestLookups:
    """Resolvers that fail are left alone for a while."""

    def test_after_three_failures_it_rests(self) -> None:
        def refuse(subject: Subject) -> Found | None:
            raise TimeoutError("no answer")

        now = [0.0]
        bad, good = Answering("bad", refuse), Answering("good", telling(name="web"))
        metrics = IdentityMetrics()
        lookups = Lookups([bad, good], metrics, lambda: now[0])
        for _ in range(5):
            assert lookups.ask(Subject("a", "a"), "docker") is not None
        assert (bad.asked, good.asked) == (3, 5)
        now[0] = 31.0
        lookups.ask(Subject("a", "a"), "docker")
        assert bad.asked == 4
        assert metrics.timeouts == {"bad": 4, "good": 0}
        assert metrics.by_resolver == {"bad": 0, "good": 6}
        assert set(metrics.nanoseconds) == {"bad", "good"}

    def test_only_those_that_may_know_are_asked(self) -> None:
        docker = Answering("docker", telling())
        lookups = Lookups([docker], IdentityMetrics())
        assert lookups.ask(Subject("a", "a"), "cri-o") is None
        assert docker.asked == 0

    def test_an_answer_that_breaks_a_resolver_is_a_failure(self) -> None:
        metrics = IdentityMetrics()
        broken = Answering("broken", lambda subject: [][1])
        assert Lookups([broken], metrics).ask(Subject("a", "a"), "") is None
        assert metrics.failures == {"broken": 1}


class TestWorkers:
    """Threads that may be held up."""

    def test_others_take_over_when_all_are_held_up(self) -> None:
        hold, done = threading.Event(), threading.Event()
        workers = Workers("test", 1, stuck=0.05)

        def hold_up() -> None:
            hold.wait(10)

        try:
            workers.submit(hold_up)
            time.sleep(0.1)
            workers.submit(done.set)
            assert done.wait(2)
        finally:
            hold.set()
            workers.close()

    def test_a_job_that_fails_ends_no_thread(self) -> None:
        done = threading.Event()
        workers = Workers("test", 1)
        workers.submit(lambda: [][1])
        workers.submit(done.set)
        assert done.wait(2)
        workers.close()
        assert not workers.submit(done.set)
