"""Rules raise alerts live: acts that upstream's rules and the shipped ones are about, done for real."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tests.reference import SHARED, needs_reference
from tests.sources.live.host import watchable
from tests.sources.live.rule_acts import BOX, CONTAINER, HOST, act, cgroups
from tiercel.content import rules_path
from tiercel.model.columns import P
from tiercel.scanning import prepare
from tiercel.watching.ebpf import LiveSource
from tiercel.watching.wanted import events_for


@watchable
@needs_reference
@pytest.mark.slow
def test_rules_are_triggered_by_what_they_are_about(tmp_path: Path) -> None:
    upstream = sorted((SHARED / "rules/upstream").glob("falco*_rules.yaml"))
    detection = prepare([], [*upstream, rules_path()], every=True).detection
    assert detection is not None
    names = {rule.name for rule in detection.rules}
    assert set(HOST) | set(BOX) <= names
    shipped = prepare([]).detection
    assert shipped is not None
    assert {rule.name for rule in shipped.rules} <= set(HOST) | set(BOX)
    raised: set[tuple[str, str]] = set()  # with where: what else goes on on this host is in neither
    with LiveSource(events_for(detection.rules), seconds=240, ring_bytes=16 << 20) as source:

        def run() -> None:
            try:
                with cgroups() as (box, host):
                    for number, (acts, groups) in enumerate(((HOST, host), (BOX, box))):
                        for k, script in enumerate(acts.values()):
                            act(script, groups, tmp_path / f"{number}-{k}")
            finally:
                source.stop()

        thread = threading.Thread(target=run)
        thread.start()
        for batch in source:
            containers = batch.tables.processes.array[batch.process, P.CONTAINER]
            for index, _, alert in detection.alerts(batch, detection.match(batch)):
                container = batch.tables.strings.get(int(containers[index]))
                raised.add((alert.rule, "host" if container is None else container.decode()))
        thread.join()
        assert source.lost.total == 0
    wanted = {(rule, "host") for rule in HOST} | {(rule, CONTAINER[:12]) for rule in BOX}
    missing = sorted(wanted - raised)
    assert not missing
