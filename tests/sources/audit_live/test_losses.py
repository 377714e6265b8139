"""What was lost on the way."""

from __future__ import annotations

from tiercel.sources.audit_live.losses import RecordLosses


def test_what_the_kernel_counts_is_lost() -> None:
    losses = RecordLosses(100)
    assert losses.fresh(100, 0) == 0
    assert losses.fresh(107, 0) == 7
    assert losses.fresh(107, 0) == 0
    assert losses.total == 7


def test_the_count_starts_anew_at_its_end_and_when_it_is_set_back() -> None:
    losses = RecordLosses(0xFFFFFFFE)
    assert losses.fresh(3, 0) == 5
    assert losses.fresh(1, 0) == 1  # somebody set it to 0


def test_numbers_that_stay_missing_are_events_that_were_dropped() -> None:
    losses = RecordLosses(0)
    assert losses.fresh(0, 5) == 0  # they may still come
    assert losses.fresh(0, 3) == 3
    assert losses.fresh(0, 4) == 0
    assert losses.fresh(2, 4) == 3
    assert losses.total == 6
