"""Which system calls are audited for which rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from tiercel.rules.model import Rule
from tiercel.scanning import prepare
from tiercel.sources.audit_syscalls import syscall_numbers
from tiercel.watching.audit_wanted import Need, audit_rules, host_architectures, needed_calls


def rules_of(folder: Path, *conditions: str) -> list[Rule]:
    text = "".join(
        f"- rule: R{number}\n  desc: d\n  condition: {condition}\n  output: o\n  priority: NOTICE\n"
        for number, condition in enumerate(conditions)
    )
    (folder / "rules.yaml").write_text(text)
    detection = prepare([], [folder / "rules.yaml"]).detection
    assert detection is not None
    return list(detection.rules)


def texts(folder: Path, *conditions: str) -> list[str]:
    return [rule.text for rule in audit_rules(rules_of(folder, *conditions), ["x86_64"])]


EXECUTED = "-a always,exit -F arch=b64 -S execve,execveat -F success=1"


def test_programs_that_are_executed_are_always_audited_and_nothing_else(tmp_path: Path) -> None:
    assert texts(tmp_path, "evt.type = execve and evt.rawres = 0") == [EXECUTED]


def test_only_opens_that_a_rule_can_match(tmp_path: Path) -> None:
    written = "evt.type in (open, openat, openat2) and evt.is_open_write=true and fd.num>=0 and fd.name = /x"
    opened = "-a always,exit -F arch=b64 -S open,openat,openat2 -F success=1"
    assert texts(tmp_path, written) == [EXECUTED, f"{opened} -F perm=w"]
    read = written.replace("write", "read")
    assert texts(tmp_path, written, read) == [EXECUTED, f"{opened} -F perm=rw"]
    assert "-a always,exit -F arch=b64 -S openat" in texts(tmp_path, "evt.type = openat and fd.name = /x")


def test_only_the_internet_where_a_rule_asks_for_no_more(tmp_path: Path) -> None:
    inet = texts(tmp_path, 'evt.type = connect and fd.sip != "0.0.0.0" and evt.rawres >= 0')
    assert sorted(text.removeprefix("-a always,exit -F arch=b64 ") for text in inet) == [
        "-S connect -F success=1 -F saddr_fam=10",
        "-S connect -F success=1 -F saddr_fam=2",
        "-S execve,execveat -F success=1",
        "-S socket -F success=1 -F a0=10",
        "-S socket -F success=1 -F a0=2",
    ]
    unix = texts(tmp_path, "evt.type = connect and fd.name contains docker.sock")
    assert "-a always,exit -F arch=b64 -S connect" in unix


def test_calls_that_are_too_many_are_not_audited(tmp_path: Path) -> None:
    assert texts(tmp_path, "evt.type in (read, write, close) and fd.name = /x") == [EXECUTED]


def test_sessions_only_for_rules_that_ask_for_them(tmp_path: Path) -> None:
    (rule,) = rules_of(tmp_path, "evt.type = execve and proc.sname = sshd")
    assert needed_calls([rule])["setsid"] == Need(failures=False)


def test_calls_without_an_event_of_their_own_are_audited_by_name(tmp_path: Path) -> None:
    assert "-a always,exit -F arch=b64 -S swapoff,swapon" in texts(tmp_path, "evt.type in (swapoff, swapon)")


def test_older_32_bit_programs_make_socket_calls_through_one(tmp_path: Path) -> None:
    rules = audit_rules(rules_of(tmp_path, "evt.type = connect"), ["i386"])
    assert "-a always,exit -F arch=b32 -S socketcall -F a0=3" in [rule.text for rule in rules]


@pytest.mark.parametrize(
    ("machine", "names"), [("x86_64", ("x86_64", "i386")), ("aarch64", ("aarch64",)), ("s390x", ())]
)
def test_architectures_are_those_whose_programs_a_host_runs(machine: str, names: tuple[str, ...]) -> None:
    assert host_architectures(machine) == names


def test_a_call_may_have_several_numbers() -> None:
    assert syscall_numbers("x86_64", "execve") == (59,)
    assert len(syscall_numbers("i386", "chown")) == 2
    assert syscall_numbers("aarch64", "open") == ()


def test_needs_add_up() -> None:
    assert Need(False, 2, True) | Need(True, 4, False) == Need(True, 6, False)
    assert Need(False, 2, True) | Need(False, 0, True) == Need(False, 0, True)


def test_copies_of_descriptors_take_what_makes_descriptors(tmp_path: Path) -> None:
    """Closing is not audited: else a pipe whose number was a socket's before would pass for that socket."""
    (rule,) = rules_of(tmp_path, "evt.type in (dup2, dup3) and evt.rawres in (0, 1) and fd.type = ipv4")
    needed = needed_calls([rule])
    assert {"openat", "socket", "accept4", "pipe2", "socketpair"} <= needed.keys()
    assert not needed["pipe2"].failures
    (other,) = rules_of(tmp_path, "evt.type in (dup2, dup3) and evt.rawres in (0, 1)")
    assert "pipe2" not in needed_calls([other])
