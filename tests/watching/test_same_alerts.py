"""Filters in the kernel change no alert: the same acts, watched with and without them at the same time."""

from __future__ import annotations

import re
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.reference import SHARED, needs_reference
from tests.sources.live.host import watchable
from tests.sources.live.rule_acts import BOX, HOST, act
from tiercel.detect import Detection
from tiercel.model.columns import P
from tiercel.scanning import prepare
from tiercel.watching.ebpf import LiveSource
from tiercel.watching.wanted import Filtering, events_for

FALCO = ["rules/upstream/falco_rules.yaml"]
EVERY = ["rules/upstream/falco_rules.yaml", "rules/upstream/falco-incubating_rules.yaml"]
MOST_ACTS = 24


@contextmanager
def groups() -> Iterator[tuple[str, list[Path], list[Path]]]:
    """Make control groups of a container and of none; yield a word of both, and the files to write process ids into."""
    root = Path("/sys/fs/cgroup")
    tops = [root] if (root / "cgroup.controllers").exists() else [root / name for name in ("cpu", "memory")]
    word = uuid.uuid4().hex
    kinds = [[top / "docker" / (word + word) for top in tops], [top / f"tiercel-{word}" for top in tops]]
    made = [path for paths in kinds for path in paths]
    for path in made:
        path.mkdir(parents=True)
    try:
        yield word, *([path / "cgroup.procs" for path in paths] for paths in kinds)
    finally:
        for path in made:
            with suppress(OSError):
                path.rmdir()
            if path.parent.name == "docker":
                with suppress(OSError):
                    path.parent.rmdir()


def detection_of(files: list[str]) -> Detection:
    found = prepare([], [SHARED / file for file in files], every=True).detection
    assert found is not None
    return found


def watch(source: LiveSource, detection: Detection, word: str, raised: Counter[tuple[str, str]]) -> None:
    for batch in source:
        groups = batch.tables.processes.array[batch.process, P.CGROUPS]
        for index, _, alert in detection.alerts(batch, detection.match(batch)):
            if word.encode() in (batch.tables.strings.get(int(groups[index])) or b""):
                raised[alert.rule, re.sub(r"^\S+ |\d{12,}", "", alert.output)] += (
                    1  # without times: each probe has its own
                )


@watchable
@needs_reference
@pytest.mark.slow
@pytest.mark.parametrize("files", [FALCO, EVERY, []], ids=["falco", "upstream", "shipped"])
def test_the_same_acts_raise_the_same_alerts(files: list[str], tmp_path: Path) -> None:
    detection = detection_of(files)
    names = {rule.name for rule in detection.rules}
    acts = [
        (name, script, kind) for kind, acts in enumerate((BOX, HOST)) for name, script in acts.items() if name in names
    ]
    step = max(1, len(acts) // MOST_ACTS)
    wanted = events_for(detection.rules)
    with (
        groups() as (word, *where),
        LiveSource(wanted, seconds=60, ring_bytes=16 << 20) as all_of_it,
        LiveSource(wanted, seconds=60, ring_bytes=16 << 20) as filtered,
    ):
        filtered.filtering = Filtering()
        filtered.want(detection.rules)
        both: list[Counter[tuple[str, str]]] = [Counter(), Counter()]
        threads = [
            threading.Thread(target=watch, args=(source, found, word, raised))
            for source, found, raised in zip((all_of_it, filtered), (detection, detection_of(files)), both, strict=True)
        ]
        for thread in threads:
            thread.start()
        for number, (_, script, kind) in enumerate(acts[::step]):
            act(script, where[kind], tmp_path / str(number))
        all_of_it.stop()
        filtered.stop()
        for thread in threads:
            thread.join()
        left_out = filtered.left_out
    assert all_of_it.lost.total == filtered.lost.total == 0
    assert len({rule for rule, _ in both[0]}) > 5
    assert both[0] == both[1]
    assert left_out.failures > 0
    assert (left_out.names > 0) is (files == FALCO)
