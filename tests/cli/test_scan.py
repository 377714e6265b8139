"""``tiercel scan``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.capture.stories import break_in
from tests.cli.command import SOURCE, tiercel

Write = Callable[[str], Path]

OPENS = """
- rule: Shadow
  desc: d
  condition: evt.type = openat and fd.name = /etc/shadow
  output: one %fd.name
  priority: WARNING
  tags: [b, a]
- rule: Any open
  desc: d
  condition: evt.type = openat
  output: two %fd.name
  priority: INFO
"""


def test_the_shipped_rules_are_used_by_default(capture: Path) -> None:
    ran = tiercel("scan", capture)
    assert ran.code == 0
    assert ran.stderr == ""
    shell, first, download, second = ran.lines
    assert "Warning Shell started by a server | process=sh -c cat /etc/shadow parent=nginx -g daemon off;" in shell
    assert "Notice Download into a temporary folder | file=/tmp/" in download
    assert first.startswith("00:00:00.000009000: Warning Sensitive file read | file=/etc/shadow process=sh -c cat")
    assert "container_name=web container_image_repository=nginx container_image_tag=1.25" in first
    assert second.startswith("00:00:00.000030000: Error Setuid or setgid escalation | call=fchmodat")


def test_several_captures_one_after_the_other(capture: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.scap.gz"
    break_in().write(again, "gzip")
    ran = tiercel("scan", capture, again, "--stats")
    assert ran.lines == tiercel("scan", capture).lines * 2
    assert ran.stderr.splitlines() == [
        "Events detected: 8",
        "Rule counts by severity:",
        "   ERROR: 2",
        "   WARNING: 4",
        "   NOTICE: 2",
        "Triggered rules by rule name:",
        "   Sensitive file read: 2",
        "   Setuid or setgid escalation: 2",
        "   Shell started by a server: 2",
        "   Download into a temporary folder: 2",
    ]


def test_first_match_or_every_match(capture: Path, rules: Write) -> None:
    path = rules(OPENS)
    first = tiercel("scan", capture, "-r", path, "--json")
    assert [json.loads(line)["rule"] for line in first.lines] == ["Shadow", "Any open"]
    for options in (["--all-matches"], ["-o", "rule_matching=all"]):
        every = tiercel("scan", capture, "-r", path, "--json", *options)
        assert [json.loads(line)["rule"] for line in every.lines] == ["Shadow", "Any open", "Any open"]


def test_json(capture: Path, rules: Write) -> None:
    ran = tiercel("scan", capture, "-r", rules(OPENS), "-o", "json_output=true", "-o", "priority=warning")
    (alert,) = map(json.loads, ran.lines)
    assert list(alert) == ["hostname", "output", "output_fields", "priority", "rule", "source", "tags", "time"]
    assert alert["hostname"] == "web-1"
    assert alert["priority"] == "Warning"
    assert alert["tags"] == ["a", "b"]
    assert alert["time"] == "2026-01-01T00:00:00.000009000Z"
    assert alert["output_fields"]["evt.time"] == 1_767_225_600_000_009_000
    assert alert["output_fields"]["fd.name"] == "/etc/shadow"


def test_the_command_line_overrides_the_configuration(capture: Path, rules: Write, tmp_path: Path) -> None:
    config = tmp_path / "falco.yaml"
    config.write_text(f"json_output: true\nengine: {{kind: replay, replay: {{capture_file: {capture}}}}}\n")
    by_config = tiercel("scan", "-c", config, "-r", rules(OPENS))
    assert [json.loads(line)["output"].split(" ", 2)[2] for line in by_config.lines] == [
        "one /etc/shadow",
        "two /tmp/x",
    ]
    assert tiercel("scan", "-c", config, "-r", rules(OPENS), "--text").lines == [
        "00:00:00.000009000: Warning one /etc/shadow",
        "00:00:00.000026000: Informational two /tmp/x",
    ]


def test_stdout_can_be_turned_off(capture: Path) -> None:
    ran = tiercel("scan", capture, "-o", "stdout_output.enabled=false", "--stats")
    assert ran.stdout == ""
    assert ran.stderr.startswith("Events detected: 4\n")


def test_keys_without_effect_are_named(capture: Path, tmp_path: Path) -> None:
    config = tmp_path / "falco.yaml"
    config.write_text("json_ouput: true\nplugins: []\n")
    ran = tiercel("scan", capture, "-c", config, "-o", "output_timeout=1")
    assert ran.code == 0
    assert ran.stderr.splitlines() == [
        f"tiercel: {config}:1:1: unknown key 'json_ouput' (did you mean 'json_output'?)",
        f"tiercel: {config}:2:1: 'plugins' has no effect here",
        "tiercel: -o output_timeout=1: 'output_timeout' has no effect here",
    ]


def test_explain(capture: Path, rules: Write) -> None:
    path = rules(OPENS)
    text = tiercel("scan", capture, "-r", path, "--explain", "-o", "priority=warning").lines
    assert text[1:] == ["    evt.type = openat   held: openat", "    fd.name = /etc/shadow   held: /etc/shadow"]
    (line,) = tiercel("scan", capture, "-r", path, "--explain", "--json", "-o", "priority=warning").lines
    assert json.loads(line)["explanation"] == [
        {"condition": "evt.type = openat", "held": True, "values": ["openat"]},
        {"condition": "fd.name = /etc/shadow", "held": True, "values": ["/etc/shadow"]},
    ]


def test_what_stands_before_damage_is_evaluated(tmp_path: Path) -> None:
    whole = break_in().to_bytes()
    cut = tmp_path / "cut.scap"
    cut.write_bytes(whole[:-100])
    ran = tiercel("scan", cut)
    assert len(ran.lines) == 4
    assert ran.code == 1
    assert ran.stderr.startswith(f"tiercel: {cut}: damaged at byte 10")
    assert ran.stderr.endswith("the file ends inside a block; the 36 events before it were read\n")


def test_one_bad_capture_does_not_stop_the_others(capture: Path, tmp_path: Path) -> None:
    junk, empty = tmp_path / "junk.scap", tmp_path / "empty.scap"
    junk.write_bytes(b"this is no capture at all " * 9)
    empty.touch()
    missing = tmp_path / "missing.scap"
    ran = tiercel("scan", missing, junk, empty, tmp_path, capture)
    assert ran.code == 1
    assert len(ran.lines) == 4
    assert ran.stderr.splitlines() == [
        f"tiercel: {missing}: No such file or directory",
        f"tiercel: {junk}: not a capture (it does not start with a section header)",
        f"tiercel: {empty}: too short to be a capture",
        f"tiercel: {tmp_path}: Is a directory",
    ]


def test_a_typo_in_a_rule_is_located(capture: Path, rules: Write) -> None:
    path = rules(
        "- rule: Typo\n  desc: d\n  condition: evt.type = open and proc.nmae = cat\n  output: o\n  priority: INFO\n"
    )
    ran = tiercel("scan", capture, "-r", path)
    assert (ran.code, ran.stdout) == (1, "")
    assert f"{path}:3:34: error: " in ran.stderr
    assert "'proc.nmae' (did you mean 'proc.name'?) [LOAD_ERR_COMPILE_CONDITION]" in ran.stderr
    lines = ran.stderr.splitlines()
    caret = next(line for line in lines if line.strip("^ ") == "")
    shown = lines[lines.index(caret) - 1]
    assert shown[caret.index("^") : caret.rindex("^") + 1] == "proc.nmae"
    assert lines[-1].startswith("tiercel: the rules do not load")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--bogus"], 2, "No such option: --bogus"),
        (["-r", "none.yaml"], 1, "none.yaml: no such file"),
        (["-c", "none.yaml"], 1, "none.yaml: cannot be read"),
        (["-o", "json_output"], 1, "-o json_output: expected key=value"),
        (["-o", "priority=loud"], 1, "priority must be one of"),
        (["-o", "rule_matching=some"], 1, "rule_matching must be first or all"),
        (["-o", 'rules[]={"disable":{"rule":"*"}}'], 0, "no rule is enabled"),
    ],
)
def test_bad_options(capture: Path, arguments: list[str], code: int, said: str) -> None:
    ran = tiercel("scan", capture, *arguments)
    assert ran.code == code
    assert ran.stdout == ""
    assert said in ran.stderr


def test_without_a_capture() -> None:
    ran = tiercel("scan")
    assert ran.code == 1
    assert "no capture given" in ran.stderr


def test_only_reading(capture: Path) -> None:
    ran = tiercel("scan", capture, "--no-rules")
    assert (ran.code, ran.stdout) == (0, f"{capture}: 38 events\n")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_goes_away(tmp_path: Path, unbuffered: str) -> None:
    story = break_in()
    for _ in range(4000):
        story.init.chdir("/somewhere/with/a/long/name")
    path = tmp_path / "long.scap"
    story.write(path)
    with subprocess.Popen(
        [sys.executable, "-m", "tiercel", "events", str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(SOURCE), "PYTHONUNBUFFERED": unbuffered},
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 1
