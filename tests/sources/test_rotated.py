"""The order of rotated files."""

from __future__ import annotations

import pytest

from tiercel.sources.rotated import in_order


@pytest.mark.parametrize(
    "oldest_first",
    [
        ["audit.log.10", "audit.log.9.gz", "audit.log.1", "audit.log"],
        ["x.log-20261120.gz", "x.log-20261121", "x.log-20261122-0300", "x.log"],
        ["0.log.20261121-010203.gz", "0.log.20261122-010203", "0.log"],
        ["falco-2026-11-21T01-02-03.456.log", "falco-2026-11-22T01-02-03.456.log.gz", "falco.log"],
        ["a.2026-11-21.log", "a.2026-11-22.log", "a.log"],
    ],
)
def test_rotated_sets(oldest_first: list[str]) -> None:
    assert [path.name for path in in_order(sorted(oldest_first))] == oldest_first
    assert [path.name for path in in_order(reversed(oldest_first))] == oldest_first


def test_sets_keep_to_themselves() -> None:
    paths = ["b/x.log", "a/x.log", "b/x.log.1", "a/x.log.1", "b/x.log"]
    assert list(map(str, in_order(paths))) == ["b/x.log.1", "b/x.log", "a/x.log.1", "a/x.log"]


def test_other_names_stay_as_they_are() -> None:
    names = ["alerts.jsonl", "capture-2.log", "evil\n.log", "1"]
    assert [path.name for path in in_order(names)] == names
