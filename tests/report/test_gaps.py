"""Gaps: told in order, with what they weaken."""

from __future__ import annotations

from tiercel.report.gaps import gaps

SECOND = 10**9


def test_drops_close_together_are_one() -> None:
    drops = [
        {"kind": "dropped", "what": "10 events dropped", "from_ts": k * SECOND, "to_ts": k * SECOND, "count": 10}
        for k in (1, 2, 3, 60)
    ]
    first, second = gaps(reversed(drops))
    assert (first.what, first.count, first.first, first.last) == (
        "30 events dropped over 2.0 s",
        30,
        SECOND,
        3 * SECOND,
    )
    assert second.count == 10
    assert "proves nothing" in first.weakens


def test_what_is_joined_names_its_evidence_where_that_is_one() -> None:
    drop = {"kind": "dropped", "what": "10 events dropped", "from_ts": SECOND, "to_ts": SECOND, "count": 10}
    one, other = drop | {"evidence": "a.scap"}, drop | {"evidence": "b.scap"}
    assert [gap.what for gap in gaps([one])] == ["a.scap: 10 events dropped"]
    assert [gap.what for gap in gaps([one, one])] == ["a.scap: 20 events dropped over less than 1 ms"]
    assert [gap.what for gap in gaps([one, one, other, one])] == ["40 events dropped over less than 1 ms"]


def test_unknown_and_odd_entries_are_kept() -> None:
    (gap,) = gaps([{"kind": "moonlight", "what": "clouds", "from_ts": "soon", "count": True}])
    assert (gap.what, gap.first, gap.count) == ("clouds", None, None)
    assert gap.weakens
