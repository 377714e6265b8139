"""Hunts: what scan and events say of a capture, said of the store it was taken into."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.hunt.conftest import Tell
from tests.reference import SHARED, needs_reference
from tiercel import scan
from tiercel.capture.scenario import Scenario
from tiercel.errors import InputError
from tiercel.hunt.hunting import Hunt, Wanted
from tiercel.hunt.pool import Failed, in_order
from tiercel.hunt.search import EventSearch, Hit, RuleSearch
from tiercel.hunt.selection import Selection
from tiercel.hunt.start import compile_filter, compile_template, hunt
from tiercel.outputs.alert import Alert
from tiercel.replay import Replay
from tiercel.scanning import prepare
from tiercel.store.ingest import ingest
from tiercel.store.manifest import Source
from tiercel.store.store import Store

UPSTREAM = [
    SHARED / "rules/upstream" / name
    for name in ("falco_rules.yaml", "falco-incubating_rules.yaml", "falco-sandbox_rules.yaml")
]
ALL_ON = ["rules[].enable.rule=*"]
SECOND = 1_000_000_000
OPENS = """
- rule: Shadow
  desc: d
  condition: evt.type = openat and fd.name = /etc/shadow
  output: one %fd.name
  priority: WARNING
- rule: Any open
  desc: d
  condition: evt.type = openat
  output: two %proc.name %fd.name
  priority: INFO
"""


@pytest.fixture
def opens(tmp_path: Path) -> Path:
    path = tmp_path / "opens.yaml"
    path.write_text(OPENS)
    return path


def shown(store: Store, condition: str | None, template: str = "%evt.num", **options: object) -> list[str]:
    """Return the first field of the template for each event found."""
    hits = hunt(store, condition, template=template, **options)  # type: ignore[arg-type]
    return [str(next(iter(hit.fields.values()))) for hit in hits if isinstance(hit, Hit)]


def stored(path: Path, folder: Path, size: int) -> Store:
    store = Store.create(folder / "store")
    ingest(store, Replay(path, size), Source("E1", path.name))
    return store


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("every", [False, True])
def test_alerts_are_those_of_scan(story: Store, story_path: Path, opens: Path, every: bool, workers: int) -> None:
    expected = list(scan(story_path, opens, every=every))
    assert list(hunt(story, rules=opens, every=every, workers=workers)) == expected
    assert len(expected) == (3 if every else 2)


@needs_reference
@pytest.mark.parametrize(
    ("capture", "size"),
    [
        ("modern/a-seed-webshell/a-seed-webshell.scap", 3000),
        ("sfc_alpine/sfc_alpine.scap", 1000),
        ("sfc_full_capture/sfc_full_capture.scap", 4000),
    ],
)
def test_alerts_of_all_upstream_rules(capture: str, size: int, tmp_path: Path) -> None:
    path = SHARED / "captures" / capture
    store = stored(path, tmp_path, size)
    assert len(store.segments()) > 1
    for every in (False, True):
        expected = list(scan(path, UPSTREAM, options=ALL_ON, every=every))
        for workers in (1, 2):
            assert list(hunt(store, rules=UPSTREAM, options=ALL_ON, every=every, workers=workers)) == expected
    start, end = sorted(alert.time for alert in expected)[:: len(expected) - 1]
    middle = (start + end) // 2
    found = list(hunt(store, rules=UPSTREAM, options=ALL_ON, every=True, since=middle))
    assert found == [alert for alert in expected if alert.time >= middle]
    found = list(hunt(store, rules=UPSTREAM, options=ALL_ON, every=True, until=middle))
    assert found == [alert for alert in expected if alert.time < middle]


@needs_reference
@pytest.mark.parametrize(
    "condition",
    [
        "evt.type = execve",
        "evt.type in (open, openat) and evt.is_open_write = true",
        "not evt.type in (read, close, futex, syscall)",
        "not (evt.type = openat or proc.name = nginx) and fd.name exists",
        "evt.type = syscall or evt.type contains open",
        "syscall.type = mount",
        "evt.deltatime > 1000000",
        "proc.aname = runc and fd.typechar = 4",
        "thread.cpu.user exists",
        "not not not evt.type exists or evt.res = EACCES",
        "toupper(proc.name) = CURL and not evt.type = close",
    ],
)
def test_events_are_those_of_the_capture(condition: str, tmp_path: Path) -> None:
    """Only events of types that may match are read; they have to be the same ones all the same."""
    path = SHARED / "captures/modern/a-seed-webshell/a-seed-webshell.scap"
    node = compile_filter(condition)
    template = compile_template("%evt.num %evt.time %evt.type %evt.deltatime %proc.pname %fd.name %evt.args")
    search = EventSearch(node, template)
    expected = b""
    for batch in Replay(path):
        expected += search.lines(batch, search.match(batch))
    store = stored(path, tmp_path, 5000)
    assert b"".join(Hunt(store, EventSearch(node, template), workers=2).lines()) == expected


def test_a_condition(story: Store) -> None:
    (hit,) = hunt(story, "evt.type = openat and fd.name = /etc/shadow", template="%proc.name %proc.pname %user.name")
    assert isinstance(hit, Hit)
    assert (hit.event, hit.time, hit.type, hit.hostname) == (10, 1_767_225_600_000_009_000, "openat", "web-1")
    assert hit.fields == {"proc.name": "sh", "proc.pname": "nginx", "user.name": "root"}


def test_a_condition_narrows_rules(story: Store, opens: Path) -> None:
    alerts = [alert for alert in hunt(story, "proc.name = curl", rules=opens) if isinstance(alert, Alert)]
    assert [alert.message.split(" container_id")[0] for alert in alerts] == ["two curl /tmp/x"]


def test_without_a_condition_every_event_is_found(story: Store, story_path: Path) -> None:
    everything = [number for batch in Replay(story_path) for number in batch.num[batch.visible].tolist()]
    assert shown(story, None) == list(map(str, everything))


def test_times(story: Store) -> None:
    start = 1_767_225_600_000_000_000
    assert shown(story, "evt.type = openat", since=start, until=start + 9_000) == []
    assert shown(story, "evt.type = openat", since=start, until=start + 9_001) == ["10"]
    assert shown(story, "evt.type = openat", since=start + 9_001) == ["27"]
    assert shown(story, "evt.type = procexit", since="-1s") == ["39"]
    assert shown(story, None, since="2026-01-01T00:00:01Z", until="2026-01-01T00:00:02") == []


def test_a_time_filter_leaves_the_state_complete(story: Store) -> None:
    names = shown(story, "evt.type = openat", "%proc.pname", since=1_767_225_600_000_009_000)
    assert names == ["nginx", "bash"]


def test_hosts_containers_pods_and_evidence(tell: Tell) -> None:
    for host, pod_name in (("b", "api-1"), ("a", "web-1")):
        told = Scenario(host)
        box = told.container("box", image="shop:1", pod=told.pod(pod_name, "shop"))
        inside, outside = told.process("/usr/bin/inside", container=box), told.process("/usr/bin/outside")
        inside.open(f"/srv/{pod_name}")
        outside.open("/srv/outside")
        store = tell(told)
    opened = "evt.type = openat"
    assert shown(store, opened, "%fd.name") == ["/srv/web-1", "/srv/outside", "/srv/api-1", "/srv/outside"]
    assert shown(store, opened, "%fd.name", host="b") == ["/srv/api-1", "/srv/outside"]
    assert shown(store, opened, "%fd.name", container="box") == ["/srv/web-1", "/srv/api-1"]
    assert shown(store, opened, "%fd.name", pod="api-1") == ["/srv/api-1"]
    assert shown(store, opened, "%fd.name", pod="shop/web-1") == ["/srv/web-1"]
    with pytest.raises(InputError, match=r"--pod other/web-1: .* it knows shop/api-1, shop/web-1"):
        shown(store, opened, "%fd.name", pod="other/web-1")
    assert shown(store, opened, "%fd.name", evidence="E1") == ["/srv/api-1", "/srv/outside"]
    (identity,) = set(shown(store, f"{opened} and container.id != host", "%container.id", host="a"))
    assert shown(store, opened, "%fd.name", container=identity[:6], host="a") == ["/srv/web-1"]


def test_segments_that_cannot_match_are_not_opened(story: Store, tmp_path: Path) -> None:
    search = EventSearch(compile_filter("evt.type = mount"), compile_template("%evt.num"))
    found = Hunt(story, search)
    assert len(found.segments) == 1 < len(story.segments())
    late = Hunt(story, search, Selection(since=1_800_000_000 * SECOND))
    assert late.segments == []
    assert list(late.lines()) == []


def test_evidence_that_overlaps_is_told_in_the_order_of_time(tell: Tell) -> None:
    for name in ("/first", "/second"):
        told = Scenario("one")
        program = told.process("/usr/bin/program")
        for number in range(4):
            program.open(f"{name}/{number}")
        store = tell(told)
    for workers in (1, 2):
        times = [hit.time for hit in hunt(store, "evt.type = openat", workers=workers)]
        assert times == sorted(times)
        names = shown(store, "evt.type = openat", "%fd.name", workers=workers)
        assert names == [f"{name}/{number}" for number in range(4) for name in ("/first", "/second")]
    search = EventSearch(compile_filter("evt.type = openat"), compile_template("%fd.name"))
    assert b"".join(Hunt(store, search).lines()).decode().split() == names


def test_counts(story: Store, opens: Path) -> None:
    detection = prepare([], [opens]).detection
    assert detection is not None
    assert Hunt(story, RuleSearch(detection), None, Wanted.COUNTS).count() == {"Shadow": 1, "Any open": 1}


def test_a_damaged_segment_is_told_and_the_others_are_searched(tell: Tell) -> None:
    told = Scenario("one")
    program = told.process("/usr/bin/program")
    for number in range(30):
        program.open(f"/{number}")
    store = tell(told, 10)
    bad = store.segments()[1].path / "strings.parquet"
    bad.write_bytes(b"nonsense")
    for workers in (1, 2):
        found = hunt(store, "evt.type = openat", template="%fd.name", workers=workers)
        names = []
        with pytest.raises(InputError, match=str(bad)):
            names.extend(hit for hit in found)
        assert len(names) == 20


@pytest.mark.parametrize("deaths", [[3], [0, 1], [0, 1, 2, 3, 4, 5]])
def test_a_worker_that_dies_is_told(deaths: Sequence[int]) -> None:
    def work(number: int) -> int:
        if number in deaths:
            os.kill(os.getpid(), signal.SIGKILL)
        return number * number

    results = list(in_order(range(6), work, 2))
    assert [number for number, _ in results] == list(range(6))
    for number, result in results:
        if isinstance(result, Failed):
            assert "killed by signal 9" in result.message or "no process is left" in result.message
        else:
            assert result == number * number
    lost = [number for number, result in results if isinstance(result, Failed)]
    assert lost == ([3] if deaths == [3] else list(range(6)))


def test_results_come_in_order_and_errors_with_them() -> None:
    def work(number: int) -> str:
        if number == 5:
            raise InputError("five")
        if number == 6:
            raise ValueError("six")
        return "x" * (1 << 18 if number % 2 else 1)

    results = dict(in_order(range(40), work, 2))
    assert list(results) == list(range(40))
    assert results[5] == Failed("five")
    assert results[6] == Failed("results are missing: ValueError: six")
    assert all(len(result) in (1, 1 << 18) for n, result in results.items() if n not in (5, 6))  # type: ignore[arg-type]


def test_a_hunt_that_is_left_ends_its_workers() -> None:
    results = in_order(range(1000), lambda number: (number, os.getpid()), 2)
    _, result = next(results)
    assert not isinstance(result, Failed)
    results.close()  # type: ignore[attr-defined]
    with pytest.raises(ProcessLookupError):
        os.kill(result[1], 0)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"condition": "proc.nmae = x"}, "filter:1:1: .*did you mean 'proc.name'"),
        ({"template": "%evt.tpye"}, "-p:1:"),
        ({"since": "soon"}, "is no time"),
        ({"rules": "none.yaml"}, "none.yaml: no such file"),
    ],
)
def test_bad_input(story: Store, arguments: dict[str, str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        list(hunt(story, **arguments))  # type: ignore[arg-type]


def test_no_store(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="neither a store nor a case"):
        list(hunt(tmp_path, "evt.type = open"))
