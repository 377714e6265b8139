"""Times as people write them."""

from __future__ import annotations

import pytest

from tiercel.errors import InputError
from tiercel.hunt.times import moment

DAY = 86_400 * 10**9
NEWEST = 20_000 * DAY
NOON = 1_769_860_800 * 10**9  # 2026-01-31, 12:00 UTC


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-31T12:00:00", NOON),
        ("2026-01-31 12:00", NOON),
        ("2026-01-31T12:00:00Z", NOON),
        ("2026-01-31T13:00:00+01:00", NOON),
        ("2026-01-31T12:00:00.000000001Z", NOON + 1),
        ("2026-01-31T12:00:00,5", NOON + 500_000_000),
        ("2026-01-31", NOON - DAY // 2),
        ("20260131", NOON - DAY // 2),
        ("1769860800", NOON),
        ("1769860800.25", NOON + 250_000_000),
        (str(NOON), NOON),
        ("-90s", NEWEST - 90 * 10**9),
        ("-15m", NEWEST - 15 * 60 * 10**9),
        ("-2h", NEWEST - 2 * 3600 * 10**9),
        ("-7d", NEWEST - 7 * DAY),
        (" -1w ", NEWEST - 7 * DAY),
    ],
)
def test_what_is_understood(text: str, expected: int) -> None:
    assert moment(text, NEWEST) == expected


@pytest.mark.parametrize("text", ["", "yesterday", "-2y", "2026-13-01", "12:00", "-", "1e9", "9" * 30])
def test_what_is_not(text: str) -> None:
    with pytest.raises(InputError, match="is no time: write 2026-01-31T12:00:00"):
        moment(text, NEWEST)
