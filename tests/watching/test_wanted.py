"""What follows from rules: the events to trace, and what may be left out in the kernel."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.reference import SHARED, needs_reference
from tiercel.rules.model import Rule
from tiercel.scanning import prepare
from tiercel.watching.asked import about_descriptors, about_files
from tiercel.watching.wanted import Filtering, events_for
from tiercel.wire.event_table import BY_CONSTANT

OPENAT, CLOSE, DUP2, CONNECT, FCHMOD, EXECVE, SOCKET, CHDIR, SENDTO = (
    BY_CONSTANT[name]
    for name in ("SYSCALL_OPENAT_2_X", "SYSCALL_CLOSE_X", "SYSCALL_DUP2_X", "SOCKET_CONNECT_X", "SYSCALL_FCHMOD_X",
                 "SYSCALL_EXECVE_19_X", "SOCKET_SOCKET_X", "SYSCALL_CHDIR_X", "SOCKET_SENDTO_X")
)  # fmt: skip
RUNS = "evt.type in (execve, execveat) and proc.name = nc"
READS = "evt.type = openat and evt.is_open_read = true and fd.num >= 0 and fd.name startswith /etc/"


def rules_of(folder: Path, *written: tuple[str, str]) -> list[Rule]:
    """Return rules with these conditions and outputs."""
    path = folder / "rules.yaml"
    path.write_text(
        "".join(
            f"- rule: rule {k}\n  desc: d\n  condition: {condition}\n  output: x {output}\n  priority: INFO\n"
            for k, (condition, output) in enumerate(written)
        )
    )
    detection = prepare([], [path]).detection
    assert detection is not None
    return detection.rules


def test_opens_are_left_out_by_name_where_no_rule_asks_for_files_later(tmp_path: Path) -> None:
    rules = rules_of(tmp_path, (READS, "%fd.name"), (RUNS, "%proc.cmdline"))
    to_read, to_write, both, _ = Filtering().of(rules).opens
    assert to_read is not None
    assert to_write is not None
    assert not to_read.passes(b"/usr/lib/os-release")
    assert to_read.passes(b"/etc/os-release")
    assert not to_write.passes(b"/etc/os-release")
    assert both == to_read


@pytest.mark.parametrize(
    ("condition", "output"),
    [
        ("evt.type = fchmod", "%fd.name"),
        ("evt.type = fchmod", "%evt.args"),
        ("evt.type = fchmod", "%evt.arg.fd"),
        ("evt.type = fchmod and fd.name = /x", ""),
        ("evt.type = execve", "%proc.stdin.name"),
        ("evt.type = dup2 and fd.type in (file, ipv4)", ""),
        ("evt.type = sendto and evt.rawres < 0", "%fd.type"),
    ],
)
def test_rules_that_ask_about_a_file_opened_before(condition: str, output: str, tmp_path: Path) -> None:
    rules = rules_of(tmp_path, (READS, ""), (condition, output))
    assert Filtering().of(rules).opens == (None, None, None, None)


@pytest.mark.parametrize(
    ("condition", "output"),
    [
        ("evt.type = fchmod", "%proc.name %evt.arg.mode"),
        ("evt.type in (dup, dup2, dup3) and fd.type in (ipv4, ipv6)", "%fd.name"),
        ("evt.type = sendto and evt.rawres >= 0", "%fd.name"),  # a file is no socket: it fails
        ("evt.type = connect and fd.sip = 10.0.0.1", "%fd.name"),
        ("evt.type = fchmod and not fd.num = 3 and fd.typechar = 4", "%fd.name"),
    ],
)
def test_rules_that_do_not(condition: str, output: str, tmp_path: Path) -> None:
    (rule,) = rules_of(tmp_path, (condition, output))
    assert not about_files(rule, {FCHMOD, DUP2, CONNECT, SENDTO})


def test_calls_that_failed_are_left_out_where_every_rule_asks_for_success(tmp_path: Path) -> None:
    filters = Filtering().of(
        rules_of(tmp_path, (READS, ""), (RUNS, ""), ("evt.type = chdir and evt.res = SUCCESS", ""))
    )
    assert filters.failures is not None
    assert EXECVE in filters.failures
    assert CONNECT in filters.failures  # may go on in the background
    assert not {OPENAT, CLOSE, CHDIR, SOCKET} & filters.failures
    asked = Filtering().of(rules_of(tmp_path, ("evt.type = openat and evt.res = ENOENT", "")))
    assert asked.failures is not None
    assert OPENAT in asked.failures


def test_dropping_failed_calls_goes_before_what_rules_ask(tmp_path: Path) -> None:
    filters = Filtering(drop_failed=True).of(rules_of(tmp_path, (RUNS, "")))
    assert filters.failures is not None
    assert EXECVE not in filters.failures
    assert CONNECT in filters.failures


def test_nothing_is_left_out_that_something_else_needs(tmp_path: Path) -> None:
    rules = rules_of(tmp_path, (READS, ""), (RUNS, ""))
    filters = Filtering(whole=True).of(rules)
    assert filters.failures is not None
    assert {OPENAT, CLOSE, SOCKET} <= filters.failures
    assert filters.opens == (None, None, None, None)
    assert Filtering(whole=True).events(rules) == events_for(rules)


def test_times_between_events_need_all_events(tmp_path: Path) -> None:
    filters = Filtering().of(rules_of(tmp_path, (READS, "%evt.deltatime")))
    assert filters.failures is not None
    assert OPENAT in filters.failures
    assert filters.opens == (None, None, None, None)


def test_descriptors_are_not_followed_for_rules_that_ask_for_nothing_of_them(tmp_path: Path) -> None:
    rules = rules_of(tmp_path, (RUNS, "%proc.cmdline %user.name %evt.time %container.id"))
    wanted = Filtering().events(rules)
    assert {EXECVE, CHDIR} <= wanted
    assert not {OPENAT, CLOSE, SOCKET, DUP2} & wanted
    assert Filtering(whole=True).events(rules) == events_for(rules)


@pytest.mark.parametrize("output", ["%fd.name", "%proc.cwd", "%evt.args", "%proc.stdin.name", "%fs.path.name"])
def test_they_are_for_rules_that_do(output: str, tmp_path: Path) -> None:
    (rule,) = rules_of(tmp_path, (RUNS, output))
    assert about_descriptors(rule)
    assert Filtering().events([rule]) == events_for([rule])


@needs_reference
def test_falcos_stable_rules_leave_out_most_opens() -> None:
    detection = prepare([], [SHARED / "rules/upstream/falco_rules.yaml"]).detection
    assert detection is not None
    filters = Filtering().of(detection.rules)
    for way in range(3):
        names = filters.opens[way]
        assert names is not None
        assert names.passes(b"/etc/shadow") is (way != 1)
        assert not names.passes(b"/usr/lib/x86_64-linux-gnu/libc.so.6")
