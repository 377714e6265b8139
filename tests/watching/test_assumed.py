"""What becomes of conditions when something is known beforehand."""

from __future__ import annotations

import pytest

from tiercel.rules.condition import compile_condition
from tiercel.watching.assumed import Values, decide

FAILED: dict[str, Values] = {"evt.rawres": tuple(range(-4095, 0)), "evt.type": (b"openat",)}


@pytest.mark.parametrize(
    ("condition", "decided"),
    [
        ("evt.rawres >= 0", False),
        ("evt.rawres < 0", True),
        ("evt.rawres = -2", None),
        ("not evt.rawres >= 0", True),
        ("evt.type = openat and proc.name = cat", None),
        ("evt.type = connect and proc.name = cat", False),
        ("evt.type in (connect, openat) or proc.name = cat", True),
        ("proc.name = cat and (evt.rawres > 0 or evt.type = connect)", False),
        ("proc.name = cat", None),
    ],
)
def test_a_condition_is_decided_as_far_as_it_can_be(condition: str, decided: bool | None) -> None:
    assert decide(compile_condition(condition), FAILED) is decided


def test_a_missing_field_makes_each_comparison_false() -> None:
    missing: dict[str, Values] = {"fd.sip": (None,)}
    assert decide(compile_condition('fd.sip != "0.0.0.0"'), missing) is False
    assert decide(compile_condition('not fd.sip = "1.2.3.4"'), missing) is True
    assert decide(compile_condition("fd.sip exists"), missing) in (False, None)
