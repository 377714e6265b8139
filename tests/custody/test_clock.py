from __future__ import annotations

import time

from tiercel.custody import clock


def test_time_has_nine_digits_and_is_utc() -> None:
    assert clock.rfc3339(1_700_000_000_000_000_001) == "2023-11-14T22:13:20.000000001Z"
    assert clock.rfc3339(0) == "1970-01-01T00:00:00.000000000Z"


def test_now_is_now() -> None:
    before = clock.rfc3339(time.time_ns())
    assert before <= clock.now() <= clock.rfc3339(time.time_ns())


def test_the_kernel_says_whether_the_clock_is_kept() -> None:
    state = clock.state()
    assert set(state) == {"source", "synchronized", "offset_ns"}
    if state["synchronized"]:
        assert str(state["source"]).startswith("ntp")
        assert isinstance(state["offset_ns"], int)
    else:
        assert state["source"] == "system"
        assert state["offset_ns"] is None
