"""The views number and count alike."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.investigate.conftest import Investigation

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def views(investigation: Investigation) -> dict[str, list[dict[str, Any]]]:
    """Every view of the case as rows."""
    commands = {
        "timeline": ("--all",), "tree": (), "files": (), "network": (), "incidents": (),
    }  # fmt: skip
    found = {}
    for name, options in commands.items():
        ran = investigation.run("case", name, "case", "--json", *options)
        assert (ran.code, ran.stderr) == (0, "")
        found[name] = [json.loads(line) for line in ran.lines]
    return found


def test_alerts(investigation: Investigation, views: dict[str, list[dict[str, Any]]]) -> None:
    alerts = {row["alert"]: row for row in views["timeline"] if row["row"] == "alert"}
    assert sorted(alerts) == list(range(len(alerts)))
    counted = [row for row in alerts.values() if not row["kind"].startswith("Falco internal:")]
    assert f" {len(counted)} alerts" in investigation.ran.lines[-1]
    about = {alert: row["process"] for alert, row in alerts.items() if row["process"] is not None}
    assert {alert: row["process"] for row in views["tree"] for alert in row["alerts"]} == about
    for incident in views["incidents"]:
        told = [alerts[alert]["kind"] for alert in incident["alerts"]]
        assert set(told) == set(incident["rules"])


def test_acts(views: dict[str, list[dict[str, Any]]]) -> None:
    acts = {row["act"]: row for row in views["timeline"] if row["row"] == "act"}
    for incident in views["incidents"]:
        for sentence in incident["story"]:
            for act in set(sentence["acts"]) & acts.keys():
                assert acts[act]["process"] in sentence["processes"]
                assert acts[act]["ts"] >= incident["first_ts"]
    for row in views["network"]:
        known = [acts[act] for act in row["acts"] if act in acts]
        assert known
        assert {act["pid"] for act in known} == {row["pid"]}


def test_processes(views: dict[str, list[dict[str, Any]]]) -> None:
    tree = {row["process"]: row for row in views["tree"]}
    for row in views["timeline"]:
        if row["process"] is not None:
            assert tree[row["process"]]["pid"] == row["pid"]
            assert tree[row["process"]]["host"] == row["host"]


def test_the_report_says_the_same(investigation: Investigation, views: dict[str, list[dict[str, Any]]]) -> None:
    ran = investigation.run("case", "report", "case", "--format", "json", "-o", "r.json")
    assert ran.code == 0, ran.stderr
    report = json.loads((investigation.case.parent / "r.json").read_text())
    assert [incident["title"] for incident in report["incidents"]] == [row["title"] for row in views["incidents"]]
    said = [sentence["text"] for incident in report["incidents"] for sentence in incident["steps"]]
    told = [sentence["text"] for incident in views["incidents"] for sentence in incident["story"]]
    assert said == told


def test_sql_counts_the_same_events(investigation: Investigation) -> None:
    query = "select count(*) as n from events where segment like '%E%' and host = 'web-2' and type = 'execve'"
    counted = json.loads(investigation.run("sql", "case", "--json", query).stdout)["n"]
    hunted = investigation.run("hunt", "case", "--host", "web-2", "--count", "evt.type = execve")
    assert int(hunted.stdout) == counted > 0
