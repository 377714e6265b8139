"""Which source a watch uses."""

from __future__ import annotations

from pathlib import Path
from typing import Never

import pytest

from tests.sources.audit_live.host import auditable
from tests.watching.test_audit_wanted import rules_of
from tiercel.sources.live.errors import LiveError
from tiercel.watching import choice
from tiercel.watching.choice import pick_source


def refused(*_: object, **__: object) -> Never:
    raise LiveError("the probe cannot be loaded: lockdown")


@auditable
def test_audit_is_used_where_the_probe_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(choice, "LiveSource", refused)
    source = pick_source("auto", rules_of(tmp_path, "evt.type = setns and proc.name = none"), say=said.append)
    try:
        assert source.name == "audit"
        assert said[0] == "no eBPF: the probe cannot be loaded: lockdown"
        assert any(line.startswith("audit records come from") for line in said)
        assert any("-S setns" in line for line in said)
    finally:
        source.close()


def test_the_one_asked_for_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "LiveSource", refused)
    with pytest.raises(LiveError, match="lockdown"):
        pick_source("ebpf", [])


def test_why_neither_is_to_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "LiveSource", refused)
    monkeypatch.setattr(choice, "AuditSource", refused)
    with pytest.raises(LiveError, match="lockdown\nand without eBPF: the probe"):
        pick_source("auto", [])
