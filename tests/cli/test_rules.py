"""``tiercel rules``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tests.cli.command import tiercel

Write = Callable[[str], Path]

BROKEN = "- rule: R\n  desc: d\n  condition: evt.type = open and proc.nmae = a\n  output: o\n  priority: INFO\n"


def test_check_says_ok() -> None:
    ran = tiercel("rules", "check")
    assert (ran.code, ran.stderr) == (0, "")
    assert ran.stdout.endswith("rules.yaml: Ok\n")


def test_check_locates_problems(rules: Write) -> None:
    path = rules(BROKEN)
    ran = tiercel("rules", "check", path)
    assert ran.code == 1
    assert ran.lines[0] == f"{path}: Invalid"
    assert ran.lines[1].startswith(f"{path}:3:34: error: ")
    assert ran.lines[-1].strip() == "^^^^^^^^^"


def test_check_as_falcos_json(rules: Write) -> None:
    path = rules(BROKEN)
    ran = tiercel("rules", "check", path, "--json")
    assert ran.code == 1
    (result,) = json.loads(ran.stdout)["falco_load_results"]
    assert (result["name"], result["successful"]) == (str(path), False)
    assert result["errors"][0]["code"] == "LOAD_ERR_COMPILE_CONDITION"


def test_list() -> None:
    ran = tiercel("rules", "list", "--json")
    names = [rule["name"] for rule in json.loads(ran.stdout)]
    assert names[:5] == [
        "Shell in container",
        "Sensitive file read",
        "Outbound connection from container",
        "Setuid or setgid escalation",
        "Container escape by mount or ptrace",
    ]
    assert len(names) == len(set(names)) > 30
    assert [line for line in tiercel("rules", "list").lines if "Sensitive file read" in line]


def test_show() -> None:
    ran = tiercel("rules", "show", "Sensitive file read")
    assert ran.code == 0
    assert "priority   Warning" in ran.lines
    shown = json.loads(tiercel("rules", "show", "Sensitive file read", "--json").stdout)
    assert shown["rules"][0]["info"]["name"] == "Sensitive file read"


def test_show_suggests() -> None:
    ran = tiercel("rules", "show", "Sensitive file raed")
    assert (ran.code, ran.stdout) == (1, "")
    assert ran.stderr == "tiercel: no rule 'Sensitive file raed' (did you mean 'Sensitive file read'?)\n"


def test_fields() -> None:
    ran = tiercel("rules", "fields", "container.image*")
    assert ran.lines[0] == "container"
    assert len(ran.lines) == 6
    own = json.loads(tiercel("rules", "fields", "net.port", "--json").stdout)
    assert [(field["name"], field["tiercel"]) for field in own] == [("net.port", True)]
    assert tiercel("rules", "fields", "no such field").code == 1


def test_missing_files(tmp_path: Path) -> None:
    for command in (["check"], ["list"], ["show", "R"]):
        ran = tiercel("rules", *command, tmp_path / "none.yaml")
        assert (ran.code, ran.stdout) == (1, "")
        assert ran.stderr == f"tiercel: {tmp_path}/none.yaml: no such file\n"


def test_a_folder_without_rules(tmp_path: Path, capture: Path) -> None:
    for command in (["rules", "check", tmp_path], ["rules", "list", tmp_path], ["scan", capture, "-r", tmp_path]):
        ran = tiercel(*command)
        assert (ran.code, ran.stdout) == (1, "")
        assert ran.stderr == f"tiercel: no rules files (.yaml, .yml) in {tmp_path}\n"
