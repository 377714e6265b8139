"""Every field of every recorded capture, against libsinsp's own values."""

from __future__ import annotations

import pytest

from tests.fields.oracle import CAPTURES, Agreement, compare
from tests.reference import needs_reference

FEW, MANY = 0.999, 0.99
"""Agreement required of the fields rules use most, and of all that can be shown."""


def _folders(table: str) -> list[str]:
    return sorted(str(path.parent.relative_to(CAPTURES)) for path in CAPTURES.rglob(table))


def _check(agreements: list[Agreement], least: float) -> None:
    bad = [
        f"{a.name}: {a.agreed}/{a.compared}, {a.split} split: {a.examples}"
        for a in agreements
        if a.ratio < least or a.split
    ]
    assert not bad, "\n".join(bad)


@needs_reference
@pytest.mark.parametrize("capture", _folders("fields.tsv.zst"))
def test_fields_used_by_rules(capture: str) -> None:
    _check(compare(capture), FEW)


@needs_reference
@pytest.mark.parametrize("capture", _folders("fields-all.tsv.zst"))
def test_all_fields(capture: str) -> None:
    _check(compare(capture, every=True), MANY)
