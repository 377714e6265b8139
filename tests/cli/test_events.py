"""``tiercel events``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.capture.stories import break_in
from tests.cli.command import tiercel


def test_all_events_as_sysdig_prints_them(capture: Path) -> None:
    ran = tiercel("events", capture)
    assert ran.code == 0
    assert len(ran.lines) == 38
    assert ran.lines[8] == (
        "10 00:00:00.000009000 0 sh (1002.1002) < openat fd=5(<f>/etc/shadow) dirfd=-100(AT_FDCWD) name=/etc/shadow "
        "flags=1(O_RDONLY) mode=0 dev=FD00000 ino=14638461"
    )


def test_filter_and_template(capture: Path) -> None:
    ran = tiercel(
        "events", capture, "evt.type = openat and proc.name = curl", "-p", "%evt.num %proc.pname>%proc.name %fd.name"
    )
    assert ran.lines == ["27 bash>curl /tmp/x"]


def test_json(capture: Path) -> None:
    ran = tiercel("events", capture, "evt.type in (openat, mount)", "-p", "%evt.num %fd.name", "--json")
    assert [json.loads(line) for line in ran.lines] == [
        {"evt.num": 10, "fd.name": "/etc/shadow"},
        {"evt.num": 27, "fd.name": "/tmp/x"},
        {"evt.num": 37, "fd.name": None},
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["proc.nmae = cat"], ["filter:1:1: ", "did you mean 'proc.name'?", "  proc.nmae = cat\n  ^"]),
        (["evt.type ="], ["filter:1:", "expected a"]),
        (["proc.pid = seven"], ["filter:1:12: ", "seven is not a valid number"]),
        (['fd.name regex "["'], ["filter:1:15: ", "invalid regex pattern"]),
        (["-p", "%evt.num %evt.tpye"], ["-p:1:", "did you mean 'evt.type'?"]),
    ],
)
def test_bad_filters_and_templates_are_located(capture: Path, arguments: list[str], said: list[str]) -> None:
    ran = tiercel("events", capture, *arguments)
    assert (ran.code, ran.stdout) == (1, "")
    for text in said:
        assert text in ran.stderr


def test_damage(tmp_path: Path) -> None:
    cut = tmp_path / "cut.scap"
    cut.write_bytes(break_in().to_bytes()[:-100])
    ran = tiercel("events", cut)
    assert (ran.code, len(ran.lines)) == (1, 36)
    assert "damaged at byte" in ran.stderr
