"""What becomes known, as events of a capture."""

from __future__ import annotations

from typing import Any

from tests.identity.made import subject
from tiercel.identity import events
from tiercel.identity.people import People, parse
from tiercel.identity.shape import MAX_JSON, blank
from tiercel.model.batch import Batch, Tables
from tiercel.model.world import World
from tiercel.sources.live.decoding import LiveDecoder
from tiercel.state.track import Tracker
from tiercel.wire.conversion import CONSTANTS
from tiercel.wire.event_table import EVENTS


def track(world: World, *steps: bytes) -> list[Batch]:
    tables = Tables()
    decoder, tracker = LiveDecoder(tables), Tracker(tables, world)
    batches = []
    for blocks in steps:
        data = bytearray(CONSTANTS) + blocks
        batch = decoder.batch(data, len(data))
        tracker.track(batch)
        batches.append(batch)
    return batches


def test_a_container_is_told() -> None:
    world = World()
    info = blank(subject(), "docker") | {"name": "web"}
    told, gone = track(world, events.container(1_000, info), events.container(2_000, info, removed=True))
    assert [EVENTS[type].constant for type in told.types] == ["ASYNCEVENT_E"]
    assert (told.ts.tolist(), told.tid.tolist(), told.num.tolist()) == ([1_000], [1], [1])
    known = world.container(info["id"].encode(), 1)
    assert known is not None
    assert known.info == info
    last = world.container(info["id"].encode(), int(gone.num[0]))
    assert last is not None
    assert last.info == {}


def test_a_long_one_is_told_too() -> None:
    world = World()
    mounts = [{"Source": "/" + "x" * 700, "Destination": "/"} for _ in range(60)]
    info: dict[str, Any] = blank(subject(), "docker") | {"Mounts": mounts}
    block = events.container(1, info)
    assert 40_000 < len(block) <= MAX_JSON + 100
    track(world, block)
    known = world.container(info["id"].encode(), 9)
    assert known is not None
    assert known.info == info


def test_people_come_change_and_go() -> None:
    world = World()
    before = parse(b"root:x:0:0::/root:/bin/sh\na:x:1:1::/:\nb:x:2:2::/:\n", b"root:x:0:\na:x:1:\n")
    after = parse(b"root:x:0:0::/root:/bin/sh\na:x:1:1::/new:\n", b"root:x:0:\nc:x:3:\n")
    first = events.people(1, "5d146d898ce4", People(), before)
    second = events.people(2, "5d146d898ce4", before, after)
    came, changed = track(world, first, second)
    assert came.count == 5
    assert [EVENTS[type].constant for type in changed.types] == [
        "USER_ADDED_E",
        "GROUP_ADDED_E",
        "USER_DELETED_E",
        "GROUP_DELETED_E",
    ]
    assert {key: user.home for key, user in world.users.items()} == {
        (b"5d146d898ce4", 0): b"/root",
        (b"5d146d898ce4", 1): b"/new",
    }
    assert {key: group.name for key, group in world.groups.items()} == {
        (b"5d146d898ce4", 0): b"root",
        (b"5d146d898ce4", 3): b"c",
    }
    assert events.people(3, "", after, after) == b""


def test_what_is_told_goes_before_the_batch_just_made() -> None:
    tables, world = Tables(), World()
    decoder, tracker = LiveDecoder(tables), Tracker(tables, world)
    some = events.people(500, "", People(), parse(b"a:x:1:1::/:\nb:x:2:2::/:\n", b""))
    for expected in ((1, [2, 3]), (4, [5, 6])):
        data = bytearray(CONSTANTS) + some
        batch = decoder.batch(data, len(data))
        ahead = decoder.ahead(batch, events.container(400, blank(subject(), "docker")))
        tracker.track(ahead)
        tracker.track(batch)
        assert (ahead.num.tolist(), batch.num.tolist()) == ([expected[0]], expected[1])
    assert (ahead.previous_ts, batch.previous_ts) == (500, 400)
