"""Notes on conditions that mean something else than they seem to."""

from __future__ import annotations

import pytest

from tests.reference import SHARED, needs_reference
from tests.rules.sample import load_texts, rule
from tiercel.engine.compare import effective
from tiercel.rules.check import check as check_files
from tiercel.rules.condition import compile_condition
from tiercel.rules.syntax import Check

LISTS = "- list: shell_binaries\n  items: [bash, sh]\n- list: none_yet\n  items: []\n"


def notes(condition: str, strict: bool = False) -> list[tuple[int, str, str]]:
    """Return column, message and hint of each note on one condition."""
    loaded = load_texts(LISTS + rule(condition=condition), strict=strict)
    found = [problem for problem in loaded.verdicts[0].warnings if problem.code == "TIERCEL_SURPRISE"]
    return [(problem.at.column - len("  condition: "), problem.message, problem.hint) for problem in found]


@pytest.mark.parametrize(
    ("condition", "column", "message", "hint"),
    [
        ("container.id exists", 1, "true for processes on the host too", "container.id != host"),
        ("fd.net in (10.0.0.0/8, 192.168.0.0/16)", 1, "looks at the first network only, '10.0.0.0/8'", "fd.cnet"),
        ("fd.ip = anyof (1.2.3.4, 5.6.7.8)", 1, "'anyof' does nothing for fd.ip", "joined with or"),
        ("evt.type=open and proc.name in ()", 32, "'in ()' never holds", ""),
        ("proc.name = anyof ()", 19, "'= anyof ()' never holds", ""),
        ("proc.name = sh and proc.name = bash", 20, "cannot be 'sh' and 'bash' at once", "in (sh, bash)"),
        ("evt.type = open and evt.type = close", 21, "cannot be 'open' and 'close' at once", "in (open, close)"),
        ("evt.type = open and not evt.type in (open)", 1, "no event type that fits them all", "evt.type in"),
        ("container.image.repository != nginx", 1, "false where there is no", "write not"),
        ("proc.aname[2] != sshd", 1, "false where there is no proc.aname[2]", "write not proc.aname[2]"),
        ('proc.name regex "^ba"', 17, "must match the whole of proc.name", '"^ba.*"'),
        ('proc.name regex "sh$"', 17, "must match the whole of proc.name", '".*sh$"'),
        ('proc.cmdline regex "(curl|wget)"', 20, "must match the whole of proc.cmdline", '".*(curl|wget).*"'),
        ("proc.name in (shell_binary)", 15, "there is no list 'shell_binary'", "'shell_binaries'"),
        ("fd.name startswith /tmp/*", 20, "'*' stands for itself", "startswith /tmp/,"),
        ("fd.name startswith anyof (/a, /tmp/*)", 31, "'*' stands for itself", "glob /tmp/*"),
        ("fd.name endswith *.sh", 18, "'*' stands for itself", "endswith .sh,"),
        ("fd.name endswith sh*", 18, "end in a star", "contains sh,"),
        ("fd.name = /etc/*", 11, "'=' knows no patterns", "startswith /etc/"),
        ("fd.name in (/etc/*)", 13, "'in' knows no patterns", "pmatch (/etc)"),
    ],
)
def test_note(condition: str, column: int, message: str, hint: str) -> None:
    found = notes(condition)
    assert found[0][0] == column
    assert message in found[0][1]
    assert hint in found[0][2]
    assert not notes(condition, strict=True)


@pytest.mark.parametrize(
    "condition",
    [
        "container.id != host",
        "fd.net in (10.0.0.0/8)",
        "fd.snet in (10.0.0.0/8, 192.168.0.0/16)",
        "fd.ip in (1.2.3.4, 5.6.7.8)",
        "proc.name in (none_yet)",
        "proc.name = sh or proc.name = bash",
        "fd.port = 80 and fd.port = 443",
        "proc.aname = sh and proc.aname = bash",
        "proc.pid = 1 and proc.pid = 01",
        "proc.name != sshd and container.id != host",
        'proc.name regex "^(ba|z)sh$"',
        'proc.name regex "(ba|z)sh"',
        'proc.cmdline regex ".*(curl|wget).*"',
        "proc.name in (shell_binaries)",
        'proc.name in ("shell_binary")',
        "proc.name in (shell_of_another_kind)",
        "fd.name startswith /tmp/ and fd.name glob /tmp/*",
        "proc.args = *",
    ],
)
def test_no_note(condition: str) -> None:
    assert not notes(condition)


def test_macros_and_exceptions_are_noted_where_they_were_written():
    macro = "- macro: m\n  condition: fd.name startswith /tmp/*\n"
    more = "  exceptions:\n  - name: e\n    fields: proc.name\n    values: [shell_binary]\n"
    loaded = load_texts(LISTS + macro + rule(condition="evt.type = open and m", more=more))
    places = [(problem.at.line, problem.at.column) for problem in loaded.verdicts[0].warnings if problem.own]
    assert places == [(6, 33), (15, 14)]


@needs_reference
def test_upstream_rules_have_next_to_none():
    files = [SHARED / "rules/upstream" / f"falco{kind}_rules.yaml" for kind in ("", "-incubating", "-sandbox")]
    found = [problem for verdict in check_files(files).loaded.verdicts for problem in verdict.warnings if problem.own]
    assert [problem.message.split()[0] for problem in found] == ["'container.id"]


@pytest.mark.parametrize(
    ("written", "evaluated"),
    [
        ("fd.net in (10.0.0.0/8, 192.168.0.0/16)", "fd.net in (10.0.0.0/8)"),
        ("fd.net = anyof (10.0.0.0/8, 192.168.0.0/16)", "fd.net = 10.0.0.0/8"),
        ("fd.ip = anyof (1.2.3.4, 5.6.7.8)", "fd.ip = 1.2.3.4"),
        ("fd.ip in (1.2.3.4, 5.6.7.8)", "fd.ip in (1.2.3.4, 5.6.7.8)"),
        ("fd.snet in (10.0.0.0/8, 192.168.0.0/16)", "fd.snet in (10.0.0.0/8, 192.168.0.0/16)"),
    ],
)
def test_evaluation_does_what_the_notes_say(written: str, evaluated: str) -> None:
    check, same = compile_condition(written), compile_condition(evaluated)
    assert isinstance(check, Check)
    assert effective(check) == same
