"""What the kernel is told, and that it is as before afterwards."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.sources.audit_live.host import LOGIN, WITHIN, auditable
from tiercel.sources.audit_live import auditing as module
from tiercel.sources.audit_live.auditing import BACKLOG, Auditing, started
from tiercel.sources.audit_live.netlink import LIST_RULES, AuditRefused, AuditSocket
from tiercel.sources.audit_live.rules import (
    ARG0,
    BIT_MASK,
    PERM,
    SADDR_FAM,
    SUCCESS,
    AuditRule,
    Condition,
    Mark,
    is_task_never,
    mark_of,
    rule_key,
)
from tiercel.sources.audit_live.status import LOCKED, OFF, AuditStatus, read_status, set_status
from tiercel.sources.live.errors import LiveError

RULE = AuditRule("x86_64", ("execve", "openat"), (59, 257), (Condition(SUCCESS, 1), *WITHIN))
OTHER = AuditRule("x86_64", ("connect",), (42,), (Condition(SADDR_FAM, 2), *WITHIN))


def own_rules() -> list[bytes]:
    """Return the rules the kernel has that speak of the tests' login."""
    with AuditSocket() as control:
        return [data for data in control.ask(LIST_RULES) if LOGIN.to_bytes(4, "little") in data]


@pytest.fixture
def former() -> Iterator[AuditStatus]:
    """Yield the state of the subsystem, and restore it."""
    with AuditSocket() as control:
        before = read_status(control)
        yield before
        for name in ("backlog_limit", "wait_time", "enabled"):
            if getattr(read_status(control), name) != getattr(before, name):
                set_status(control, name, getattr(before, name))


@auditable
@pytest.mark.skipif(shutil.which("auditctl") is None, reason="auditctl is not installed")
def test_auditctl_reads_the_rules_as_they_are_meant(former: AuditStatus) -> None:
    auditing = Auditing()
    try:
        opens = AuditRule("i386", ("open",), (5,), (Condition(PERM, 2), Condition(ARG0, 3), *WITHIN))
        auditing.audit([RULE, OTHER, opens])
        told = subprocess.run(["auditctl", "-l"], capture_output=True, text=True, check=True).stdout
    finally:
        auditing.end()
    mine = [line for line in told.splitlines() if f"auid={LOGIN}" in line]
    assert len(mine) == 3
    assert "-a always,exit -F arch=b64 -S execve,openat -F success=1" in mine[0]
    assert f"-F pid!={auditing._mark.pid} -F key={auditing.key.decode()}" in mine[0]
    assert "-S connect -F saddr_fam=2" in mine[1]
    assert "-F arch=b32 -S open -F perm=w -F a0=0x3" in mine[2]


@auditable
def test_rules_come_and_go(former: AuditStatus) -> None:
    auditing = Auditing()
    try:
        auditing.audit([RULE, OTHER])
        assert len(own_rules()) == 2
        auditing.audit([OTHER])
        assert [rule_key(data) for data in own_rules()] == [auditing.key]
        assert auditing.rules == [OTHER]
    finally:
        auditing.end()
    assert own_rules() == []
    auditing.end()  # once more does nothing


@auditable
def test_the_state_is_restored(former: AuditStatus) -> None:
    if former.pid or former.enabled:
        pytest.skip("somebody audits this host")
    auditing = Auditing()
    auditing.enable(owner=True)
    auditing.audit([RULE])
    now = auditing.status()
    assert now.enabled == 1
    assert now.backlog_limit >= BACKLOG
    assert now.wait_time == module.WAIT
    auditing.end()
    with AuditSocket() as control:
        after = read_status(control)
    assert (after.enabled, after.backlog_limit, after.wait_time) == (OFF, former.backlog_limit, former.wait_time)


@auditable
def test_auditing_that_was_on_stays_on(former: AuditStatus) -> None:
    with AuditSocket() as control:
        set_status(control, "enabled", 1)
        auditing = Auditing()
        auditing.enable(owner=False)
        auditing.audit([RULE])
        auditing.end()
        assert read_status(control).enabled == 1


@auditable
def test_rules_of_others_are_left_alone(former: AuditStatus) -> None:
    foreign = RULE.besides(Condition(210, b"of-somebody-else")).pack()
    with AuditSocket() as control:
        control.request(1011, foreign)
        try:
            auditing = Auditing()
            auditing.audit([OTHER])
            auditing.end()
            assert [rule_key(data) for data in own_rules()] == [b"of-somebody-else"]
        finally:
            control.request(1012, foreign)


KILLED = """
import os, signal, sys
from tests.sources.audit_live.test_auditing import *
auditing = Auditing()
auditing.enable(owner=True)
auditing.audit([replace(RULE, conditions=(Condition(9, int(sys.argv[1])),))])
os.kill(os.getpid(), signal.SIGKILL)
"""


@auditable
def test_what_a_killed_one_left_is_removed_and_restored_by_the_next(former: AuditStatus) -> None:
    if former.pid or former.enabled:
        pytest.skip("somebody audits this host")
    killed = subprocess.run([sys.executable, "-c", KILLED, str(LOGIN)])
    assert killed.returncode == -signal.SIGKILL
    assert len(own_rules()) == 1
    auditing = Auditing()
    assert any("killed" in remark for remark in auditing.remarks)
    assert own_rules() == []
    auditing.end()
    with AuditSocket() as control:
        after = read_status(control)
    assert (after.enabled, after.backlog_limit, after.wait_time) == (OFF, former.backlog_limit, former.wait_time)


@auditable
def test_a_rule_the_kernel_does_not_know_is_refused(former: AuditStatus) -> None:
    auditing = Auditing()
    try:
        with pytest.raises(LiveError, match="refuses the audit rule -a always,exit -F arch=b64 -S execve"):
            auditing.audit([RULE.besides(Condition(SUCCESS, 1, BIT_MASK))])
    finally:
        auditing.end()


def test_a_rule_for_an_older_kernel_is_plainer() -> None:
    assert OTHER.plainer() == AuditRule("x86_64", ("connect",), (42,), WITHIN)
    assert RULE.plainer() is None


def test_keys_say_who_made_a_rule_and_what_was_before() -> None:
    mark = Mark(12, 345, 0, 64, 15000)
    data = RULE.besides(Condition(210, mark.key)).pack()
    assert mark_of(data) == mark
    assert mark_of(RULE.besides(Condition(210, b"tiercel-x")).pack()) is None
    assert mark_of(RULE.pack()) is None
    assert mark_of(b"short") is None
    assert started(1) >= 0
    assert started(1 << 30) == -1


def test_a_rule_that_hides_all_processes_is_known() -> None:
    never = bytearray(RULE.pack())
    never[:12] = (1).to_bytes(4, "little") + bytes(8)
    assert is_task_never(bytes(never))
    assert not is_task_never(RULE.pack())


def test_numbers_outside_the_mask_are_refused() -> None:
    with pytest.raises(ValueError, match="5000"):
        AuditRule("x86_64", ("x",), (5000,)).pack()


@auditable
def test_locked_rules_are_used_as_they_are(former: AuditStatus, monkeypatch: pytest.MonkeyPatch) -> None:
    # locking cannot be undone before the host is started anew: only the answer about it is made up
    locked = replace(former, enabled=LOCKED)
    monkeypatch.setattr(module.status, "read_status", lambda _: locked)
    auditing = Auditing()
    try:
        assert auditing.locked
        auditing.enable(owner=True)
        auditing.audit([RULE])
        assert auditing.rules == []
        assert own_rules() == []
    finally:
        auditing.end()


def test_a_refusal_says_what_to_do() -> None:
    assert "CAP_AUDIT_CONTROL" in module.status.why_refused(AuditRefused(1, ""))
    assert "on the host" in module.status.why_refused(AuditRefused(111, ""))
