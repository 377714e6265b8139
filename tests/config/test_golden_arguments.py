"""The arguments of Falco's regression suite: they are understood, and select the rules that alerted."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import Any

import pytest

from tests.reference import SHARED, needs_reference
from tiercel.config import ConfigError, load_config
from tiercel.config.model import NoteKind
from tiercel.rules.load import expand, load
from tiercel.rules.selection import select

FOLDER = SHARED / "golden"
FILE = FOLDER / "expected-0.44.json"
CASES: dict[str, Any] = {}
if FILE.exists():
    CASES = {name: case for name, case in json.loads(FILE.read_text())["cases"].items() if case.get("replay")}

pytestmark = needs_reference


@pytest.mark.parametrize("name", CASES)
def test_arguments(monkeypatch, name):
    monkeypatch.chdir(FOLDER)
    case = CASES[name]
    given = [value.replace("@upstream/", f"{SHARED}/rules/upstream/") for value in case["args_0_44"]]
    pairs = [(flag, value.replace("@", f"{SHARED}/reference/")) for flag, value in pairwise(given)]
    (path,) = [value for flag, value in pairs if flag == "-c"]
    options = [value for flag, value in pairs if flag == "-o"]
    refused = next((line for line in case["replay"].get("stderr_errors", ()) if "Error reading config" in line), "")
    if refused:
        with pytest.raises(ConfigError, match=re.escape(refused.rpartition("): ")[2])):
            load_config(path, options)
        return
    config = load_config(path, options)
    top = [note for note in config.notes if note.kind is NoteKind.UNKNOWN and "." not in note.key]
    assert [note.key for note in top if note.key not in ("grpc", "grpc_output")] == []
    assert config.engine_kind == "replay"
    loaded = load(expand([value for flag, value in pairs if flag == "-r"]), strict=True, extra=config.extra_output)
    alerted = set(case["replay"].get("by_rule_match_all") or case["replay"]["by_rule"])
    alerted = {rule for rule in alerted if not rule.startswith("Falco internal")}
    assert alerted <= {rule.name for rule in select(loaded.rules, config.rules, config.priority)}
