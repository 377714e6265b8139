"""Falco's own regression suite: the verdict on the rules of every case."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
import yaml

from tests.reference import SHARED, needs_reference
from tiercel.rules.check import check
from tiercel.rules.extra_output import AppendOutput, ExtraOutput

FOLDER = SHARED / "golden"
UPSTREAM = str(SHARED / "rules/upstream") + "/"
SUGGESTED = ExtraOutput((AppendOutput(suggested_output=True),))

pytestmark = needs_reference


class Loader(yaml.SafeLoader):
    """Reads the suite, whose ``!mux`` is a plain mapping."""


Loader.add_constructor("!mux", lambda loader, node: loader.construct_mapping(node, deep=True))


def cases() -> dict[str, tuple[list[str], dict[str, Any], dict[str, Any]]]:
    """Return the rules files, the recorded verdict and the suite's own words for each case that was run."""
    if not FOLDER.is_dir():
        return {}
    suite = yaml.load((FOLDER / "falco_tests.yaml").read_text(), Loader)["trace_files"]
    recorded = json.loads((FOLDER / "expected-0.44.json").read_text())["cases"]
    found = {}
    for name, case in recorded.items():
        if "validate" not in case:
            continue
        files = suite[name].get("validate_rules_file")
        if files is None:
            arguments = case["args_0_44"]
            files = [value for flag, value in pairwise(arguments) if flag == "-r"]
        files = [files] if isinstance(files, str) else files
        found[name] = ([file.replace("@upstream/", UPSTREAM) for file in files], case["validate"], suite[name])
    return found


CASES = cases()


@pytest.mark.parametrize("name", CASES)
def test_verdict(monkeypatch, name):
    files, expected, _ = CASES[name]
    monkeypatch.chdir(FOLDER)
    report = check(files, strict=True, extra=SUGGESTED)
    assert report.exit_code == expected["exit_code"]
    results = report.as_json()["falco_load_results"]
    for kind in ("errors", "warnings"):
        ours = [
            (
                result["name"].replace(UPSTREAM, "@upstream/"),
                problem["code"],
                [[place["item_type"], place["item_name"]] for place in problem["context"]["locations"]],
            )
            for result in results
            for problem in result[kind]
        ]
        assert ours == [(one["file"], one["code"], one["locations"]) for one in expected[kind]]


def test_every_case_that_was_run_is_covered():
    assert len(CASES) >= 103 or not FOLDER.is_dir()
