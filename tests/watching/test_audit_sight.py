"""Which rules audit can see."""

from __future__ import annotations

from pathlib import Path

from tests.watching.test_audit_wanted import rules_of
from tiercel.content import rules_path
from tiercel.scanning import prepare
from tiercel.watching.audit_sight import sight, unseen


def test_of_the_shipped_rules_one_is_not_seen() -> None:
    detection = prepare([], [rules_path()]).detection
    assert detection is not None
    missing = unseen(detection.rules)
    assert list(missing) == ["New program executed in container"]
    assert "upper layer of an overlay" in missing["New program executed in container"]


def test_what_a_rule_asks_for_and_audit_does_not_tell(tmp_path: Path) -> None:
    seen, partly, blind = (
        sight(rule)
        for rule in rules_of(
            tmp_path,
            "evt.type = openat and fd.name = /x",
            "evt.type = execve and (proc.env contains X or evt.type = read)",
            "evt.type = write and evt.buffer contains x",
        )
    )
    assert (seen.seen, seen.calls, seen.missing) == (True, ("openat",), ())
    assert partly.seen
    assert any("environment" in what for what in partly.missing)
    assert not blind.seen
    assert "calls of write" in blind.missing
