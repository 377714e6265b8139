"""Falco's own regression suite: tiercel does with every case what Falco 0.44.1 does."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.reference import SHARED, needs_reference
from tiercel.cli.main import main
from tiercel.rules.check import check
from tiercel.rules.extra_output import AppendOutput, ExtraOutput

FOLDER = SHARED / "golden"
SUGGESTED = ExtraOutput((AppendOutput(suggested_output=True),))
PLACES = {"@upstream/": f"{SHARED}/rules/upstream/", "@falco-replay.yaml": f"{SHARED}/reference/falco-replay.yaml"}

UNSAID = {("time_iso_8601", "stderr_contains")}
"""Checks of what tiercel does not print: the clock in front of each of Falco's own log lines."""


class Loader(yaml.SafeLoader):
    """Reads the suite, whose ``!mux`` is a plain mapping."""


Loader.add_constructor("!mux", lambda loader, node: loader.construct_mapping(node, deep=True))


@dataclass(frozen=True)
class Case:
    """A case: ``suite`` are the suite's own words, ``recorded`` what Falco 0.44.1 made of it."""

    name: str
    suite: dict[str, Any]
    recorded: dict[str, Any]

    @property
    def arguments(self) -> list[str]:
        """The arguments Falco was run with, those left out that tiercel does not know."""
        found: list[str] = []
        given = iter(self.recorded["args_0_44"])
        for argument in given:
            if argument == "-M":  # stop after so many seconds
                next(given)
                continue
            for mark, place in PLACES.items():
                argument = argument.replace(mark, place)
            found.append(argument)
        return found

    @property
    def rules(self) -> list[str]:
        files = self.suite.get("validate_rules_file")
        if files is None:
            files = [value for flag, value in pairwise(self.arguments) if flag == "-r"]
        return [files] if isinstance(files, str) else files


def cases() -> list[Case]:
    if not FOLDER.is_dir():
        return []
    suite = yaml.load((FOLDER / "falco_tests.yaml").read_text(), Loader)["trace_files"]
    recorded = json.loads((FOLDER / "expected-0.44.json").read_text())["cases"]
    return [Case(name, suite[name], case) for name, case in recorded.items() if case["status_0_44"] != "not-run"]


CASES = cases()


@pytest.fixture(autouse=True)
def _in_the_suite(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    monkeypatch.setenv("FALCO_HOSTNAME", "test-falco-hostname")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2] / "src"))
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


@dataclass(frozen=True)
class Ran:
    """What a command printed and its exit code."""

    code: int
    stdout: str
    stderr: str


Run = Callable[[list[str]], Ran]


@pytest.fixture
def run(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Return what runs a command line: in this process, as starting one takes longer than most cases."""

    def here(arguments: list[str]) -> Ran:
        monkeypatch.setattr(sys, "argv", ["tiercel", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capfd.readouterr()
        return Ran(int(ended.value.code or 0), printed.out, printed.err)

    def outside(arguments: list[str]) -> Ran:
        ran = subprocess.run([sys.executable, "-m", "tiercel", *arguments], capture_output=True, text=True, check=False)
        return Ran(ran.returncode, ran.stdout, ran.stderr)

    # the test runner takes the log lines of its own process for itself
    return outside if "monitor_syscall_drops" in request.node.name else here


@needs_reference
def test_all_cases_that_were_run_are_there() -> None:
    assert len(CASES) == 103


@needs_reference
@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in CASES])
def test_case(case: Case, run: Run) -> None:
    verdict(case)
    if "replay" in case.recorded:
        replay(case, run)


def verdict(case: Case) -> None:
    """Compare what is said of the rules with what ``falco -V`` says."""
    report = check(case.rules, strict=True, extra=SUGGESTED)
    expected = case.recorded["validate"]
    if not Path(case.rules[0]).is_dir():  # falco -V does not take a folder
        assert report.exit_code == expected["exit_code"]
    results = report.as_json()["falco_load_results"]
    for kind in ("errors", "warnings"):
        found = [
            (
                result["name"].replace(PLACES["@upstream/"], "@upstream/"),
                problem["code"],
                [[place["item_type"], place["item_name"]] for place in problem["context"]["locations"]],
            )
            for result in results
            for problem in result[kind]
        ]
        assert found == [(one["file"], one["code"], one["locations"]) for one in expected[kind]]
    for one in case.recorded["checks"]:
        if one["check"] == "validate_ok" and one["ok"]:
            assert [result["successful"] for result in results if result["name"].endswith(one["expected"])] == [True]


def replay(case: Case, run: Run) -> None:
    """Compare a run of the command line with Falco's."""
    expected = case.recorded["replay"]
    sink = Path(expected.get("output_sink", "stdout"))
    if sink.is_absolute():
        sink.parent.mkdir(exist_ok=True)
    ran = run(["scan", "--strict", *case.arguments])
    assert ran.code == expected["exit_code"], ran.stderr
    if expected["exit_code"] == 0:
        alerts = [json.loads(line) for line in ran.stdout.splitlines()]
        assert Counter(alert["rule"] for alert in alerts) == expected["by_rule"]
        assert Counter(alert["priority"] for alert in alerts) == expected["by_priority"]
        everything = run(["scan", "--strict", "--all-matches", *case.arguments]).stdout.splitlines()
        assert Counter(json.loads(line)["rule"] for line in everything) == expected["by_rule_match_all"]
    if lines := expected.get("output_lines_0_44"):
        json_output = str(lines[0].startswith("{")).lower()
        if sink.is_absolute():
            sink.unlink(missing_ok=True)
        ran = run(["scan", "--strict", *case.arguments, "-o", f"json_output={json_output}"])
        assert ran.stdout.splitlines() == lines
        if sink.is_absolute():
            assert sink.read_text().splitlines() == lines
    for one in case.recorded["checks"]:
        if one["ok"] and (case.name, one["check"]) not in UNSAID:
            words(one, ran)


def words(one: dict[str, Any], ran: Ran) -> None:
    """Look for a pattern that must, or must not, be in what was printed."""
    stream, _, verb = one["check"].partition("_")
    if stream in ("stdout", "stderr"):
        found = re.search(one["expected"], getattr(ran, stream), re.DOTALL)
        assert bool(found) == (verb == "contains"), one
