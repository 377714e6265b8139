"""Segments that are not opened, and rules that are not asked, change nothing of what is found."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tests.capture.stories import break_in
from tests.fuzz.grammar import Grammar
from tests.reference import SHARED, needs_reference
from tiercel.capture.scenario import Scenario
from tiercel.detect import Detection
from tiercel.engine.bulk import Compiler, Context
from tiercel.fields.catalogue import FIELDS
from tiercel.hunt.hunting import Hunt, Wanted
from tiercel.hunt.search import Aim, EventSearch, RuleSearch
from tiercel.hunt.selection import Selection
from tiercel.hunt.start import compile_filter, compile_template
from tiercel.hunt.verdicts import Reach, numbers
from tiercel.model.batch import Tables
from tiercel.replay import Replay
from tiercel.rules.condition import ConditionError, compile_condition
from tiercel.rules.syntax import Node
from tiercel.scanning import prepare
from tiercel.store.ingest import ingest
from tiercel.store.manifest import Manifest, Source
from tiercel.store.segment import Segment
from tiercel.store.store import Store

RECORDED = SHARED / "captures/modern/a-seed-webshell/a-seed-webshell.scap"
UPSTREAM = SHARED / "rules/upstream/falco_rules.yaml"
DECIDED = (
    "proc.name", "proc.pname", "proc.aname", "proc.sname", "proc.vpgid.name", "proc.pgid.name", "proc.exepath",
    "proc.pexepath", "proc.aexepath", "proc.sid.exepath", "proc.vpgid.exepath", "container.id", "container.full_id",
    "container.name", "container.image", "container.image.repository", "k8s.pod.name", "k8s.ns.name", "evt.hostname",
    "evt.rawtime", "evt.rawtime.s", "evt.type", "fd.name",
)  # fmt: skip


def _pods() -> Scenario:
    """Containers that are told of late, renamed and left alone, and names that are no UTF-8."""
    story = Scenario("node-2")
    pod = story.pod("shop", "prod")
    web = story.container("web", image="nginx:1.25", pod=pod)
    late = story.container("late", image="busybox", announced=False)
    server = story.process("/usr/sbin/nginx", container=web)
    odd = story.process("/bin/odd", container=late)
    for number in range(6):
        child = server.spawn("/bin/sh", "-c", f"echo {number}")
        child.close(child.open(f"/tmp/{number}"))
        child.exit()
        odd.close(odd.open("/etc/passwd"))
        if number == 3:
            story.announce(late)
    return story


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Stories and a recording in segments of few events."""
    folder = tmp_path_factory.mktemp("stories")
    store = Store.create(folder / "store")
    for name, story in (("break-in", break_in()), ("pods", _pods())):
        story.write(folder / name)
        ingest(store, Replay(folder / name, 12), Source(name, name))
    if RECORDED.exists():
        ingest(store, Replay(RECORDED, 2_000), Source("recorded", RECORDED.name))
    return store


def _grammar(store: Store, random: Random) -> Grammar:
    """Return a grammar of fields that manifests decide, and values of the store."""
    texts = {f"'{name}'" for name in ("nowhere", "host", "node-2", "web-1", "shop", "prod", "late", "web", "busybox")}
    for segment in store.segments():
        for values in segment.manifest.values.values():
            texts |= {value.decode() for value in values if value.isalnum()}
    grammar = Grammar(tuple(sorted(texts)))
    grammar.fields = [FIELDS[name] for name in DECIDED]
    return grammar


def _conditions(store: Store, count: int) -> list[Node]:
    random = Random(7)
    grammar = _grammar(store, random)
    times = [segment.manifest.first_ts for segment in store.segments()]
    found: list[Node] = []
    while len(found) < count:
        text = grammar.condition(random, random.randrange(4))
        if random.random() < 0.2:
            moment = (random.choice(times) or 0) + random.choice((-1, 0, 1))
            text = f"({text}) and evt.rawtime {random.choice(('<', '<=', '=', '!=', '>', '>='))} {moment}"
        if random.random() < 0.3:
            text = f"not ({text})"
        try:
            node = compile_condition(text, strict=False)
            Compiler().compile(node)
        except (ConditionError, ValueError):
            continue
        found.append(node)
    return found


def test_nothing_that_a_condition_holds_for_is_ruled_out(store: Store) -> None:
    conditions = _conditions(store, 250)
    reach = Reach(conditions)
    evaluators = [Compiler().compile(node) for node in conditions]
    skipped = narrowed = 0
    for segment in store.segments():
        batch = segment.batch(Tables())
        indices = Context(batch).everything
        there = segment.manifest.types.keys()
        for node, may, evaluator in zip(conditions, reach.types(segment.manifest), evaluators, strict=True):
            held = set(batch.types[evaluator.narrow(Context(batch), indices)].tolist())
            assert held <= numbers(may), (segment, node)
            skipped += not there & numbers(may)
            narrowed += len(there & numbers(may)) < len(there)
    assert skipped > 500
    assert narrowed > skipped


@pytest.mark.parametrize(
    "condition",
    [
        "proc.name = sh",
        "proc.aname = nginx and evt.type = openat",
        "not proc.name in (nginx, sh)",
        "container.name = late or k8s.pod.name = shop",
        "evt.hostname = node-2 and container.id != host",
        "tolower(proc.name) = NGINX",
        "proc.name exists",
        "not container.name exists",
        "basename(proc.exepath) = bash",
    ],
)
def test_a_hunt_finds_the_same(store: Store, condition: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found, opened = _hunted(store, condition)
    monkeypatch.setattr(EventSearch, "aim", lambda search, manifest: Aim(search.types))
    expected, all_of_them = _hunted(store, condition)
    assert found == expected
    assert opened <= all_of_them


def _hunted(store: Store, condition: str) -> tuple[list[bytes], int]:
    search = EventSearch(compile_filter(condition), compile_template(None))
    hunt = Hunt(store, search, workers=1)
    return list(hunt.lines()), len(hunt.segments)


def test_only_segments_with_the_name_are_opened(store: Store) -> None:
    search = EventSearch(compile_filter("proc.name = curl"), compile_template(None))
    opened = Hunt(store, search).segments
    assert {segment.manifest.source.id for segment in opened} <= {"break-in", "recorded"}
    assert all(b"curl" in segment.manifest.values["proc.name"] for segment in opened)
    assert len(opened) < len(store.segments())


def test_a_name_in_no_segment_opens_none(store: Store) -> None:
    search = EventSearch(compile_filter("proc.name = nowhere"), compile_template(None))
    assert Hunt(store, search).segments == []


def test_a_segment_that_does_not_tell_is_opened() -> None:
    reach = Reach([compile_condition("proc.name = nowhere"), compile_condition("evt.rawtime > 5")])
    silent = Manifest("s", "h", Source("E", "e"), "0", first_ts=1, last_ts=2, types={1: 1})
    assert all(reach.types(silent))


def test_events_that_tell_of_a_container_are_looked_at(store: Store) -> None:
    """They carry a name that no process of the segment need have."""
    told = [segment for segment in store.segments() if segment.manifest.source.id == "pods"]
    (may,) = Reach([compile_condition("container.name = nowhere")]).types(told[0].manifest)
    assert 0 < len(numbers(may)) < 5


def test_time_decides_when_all_times_are_known(store: Store) -> None:
    segment = store.segments()[0].manifest
    first, last = segment.first_ts, segment.last_ts
    assert first is not None
    assert last is not None
    texts = [f"evt.rawtime > {last}", f"evt.rawtime < {first}", f"evt.rawtime >= {last}", f"not evt.rawtime >= {first}"]
    assert [bool(may) for may in Reach([compile_condition(text) for text in texts]).types(segment)] == [
        False,
        False,
        True,
        False,
    ]


def _detection(*files: Path) -> Detection:
    detection = prepare([], [*files], options=["rules[].enable.rule=*"]).detection
    assert detection is not None
    return detection


def test_made_up_rules_raise_the_same_alerts(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    random = Random(11)
    grammar = _grammar(store, random)
    rules: list[str] = []
    while len(rules) < 60:
        text = f"evt.type in (openat, execve, clone, close, connect) and ({grammar.condition(random, 2)})"
        try:
            Compiler().compile(compile_condition(text))
        except (ConditionError, ValueError):
            continue
        quoted = text.replace("'", "''")
        rules.append(f"- {{rule: r{len(rules)}, desc: d, condition: '{quoted}', output: '%evt.num', priority: INFO}}\n")
    path = tmp_path / "rules.yaml"
    path.write_text("".join(rules))
    found, _ = _alerts(store, path)
    monkeypatch.setattr(RuleSearch, "aim", lambda search, manifest: Aim(search.types))
    expected, _ = _alerts(store, path)
    assert found == expected
    assert len(found) > 100


@needs_reference
def test_upstream_rules_raise_the_same_alerts(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    found, opened = _alerts(store, UPSTREAM)
    monkeypatch.setattr(RuleSearch, "aim", lambda search, manifest: Aim(search.types))
    expected, all_of_them = _alerts(store, UPSTREAM)
    assert found == expected
    assert found
    assert opened <= all_of_them


def _alerts(store: Store, rules: Path) -> tuple[list[bytes], int]:
    hunt = Hunt(store, RuleSearch(_detection(rules)), Selection(), Wanted.LINES, 1)
    return b"".join(hunt.lines()).splitlines(), len(hunt.segments)


def test_rules_that_cannot_match_are_not_asked(store: Store, tmp_path: Path) -> None:
    rule = "- rule: {}\n  desc: d\n  condition: evt.type = openat and proc.name = {}\n  output: o\n  priority: INFO\n"
    path = tmp_path / "rules.yaml"
    path.write_text("".join(rule.format(name, name) for name in ("nginx", "nowhere")))
    search = RuleSearch(_detection(path))
    aims = [aim for segment in store.segments() if (aim := search.aim(segment.manifest)) is not None]
    assert aims
    assert {aim.rules for aim in aims} == {frozenset({0})}


def test_a_selected_pod_or_container_is_looked_for_where_it_is(store: Store) -> None:
    def opened(selection: Selection) -> list[Segment]:
        search = EventSearch(None, compile_template(None), narrow=selection.node())
        return Hunt(store, search, selection).segments

    assert {segment.manifest.source.id for segment in opened(Selection(pod="prod/shop"))} == {"pods"}
    assert {segment.manifest.source.id for segment in opened(Selection(container="late"))} == {"pods"}
    assert opened(Selection(pod="prod/nowhere")) == []
