"""``tiercel case files|network|users|pods|graph|incidents``."""

from __future__ import annotations

import json
import shutil
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import Ran, tiercel

Case = Callable[..., Ran]


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory, capture: Path) -> Case:
    """Run ``tiercel case COMMAND`` on a case with a break-in."""
    home = tmp_path_factory.mktemp("home")
    environment = {"TIERCEL_KEY": str(home / "key.pem"), "TIERCEL_EXAMINER": "A. Name"}
    assert tiercel("case", "new", "c", cwd=home, **environment).code == 0
    assert tiercel("case", "add", "c", capture, cwd=home, **environment).code == 0
    return lambda command, *arguments: tiercel("case", command, "c", *arguments, cwd=home, **environment)


def rows(ran: Ran) -> list[dict[str, Any]]:
    assert ran.code == 0, ran.stderr
    return [json.loads(line) for line in ran.lines]


def test_files(case: Case) -> None:
    (row,) = (row for row in rows(case("files", "--json")) if row["path"] == "/tmp/x")
    assert row["reasons"][0] == "runs with the rights of its owner (setuid)"
    assert row["failed"] == 1
    assert any("/tmp/x" in line and line.startswith("!!!!!") for line in case("files").lines)


def test_network(case: Case) -> None:
    ran = case("network")
    assert any("name not seen" in line and "203.0.113.9:80" in line for line in ran.lines)
    found = {(row["direction"], row["raddr"]): row for row in rows(case("network", "--json"))}
    assert found["in", "198.51.100.7"]["sent"] == 17
    assert found["out", "2001:db8::1"]["outcome"] == "failed: ECONNREFUSED (connection refused)"
    assert found["out", "/run/docker.sock"]["notes"] == ["control of the container engine"]


def test_only_a_container(case: Case) -> None:
    (container,) = {row["container"] for row in rows(case("pods", "--json"))}
    assert {row["container"] for row in rows(case("network", "--json", "--container", "web"))} == {container}


def test_users_and_pods(case: Case) -> None:
    assert {row["user"] for row in rows(case("users", "--json"))} >= {"root", "app"}
    assert "came in: SSH login" in case("users").stdout
    (pod,) = rows(case("pods", "--json"))
    assert (pod["image"], pod["listening"]) == ("nginx:1.25", ["0.0.0.0:80"])
    assert "nginx:1.25" in case("pods").stdout


def test_incidents(case: Case) -> None:
    first, second = rows(case("incidents", "--json"))
    assert (first["incident"], second["incident"]) == (1, 2)
    assert second["story"][0]["text"].endswith("it may have led to sh (pid 1002).")
    assert set(first["phases"]) == {sentence["phase"] for sentence in first["story"]}
    text = case("incidents").stdout
    assert "1. bash on web-1 (SSH login)" in text
    assert "sh (pid 1002, child of nginx) began as root, as a child of the server nginx (pid 1000)" in text


def test_graph(case: Case, tmp_path: Path) -> None:
    assert case("graph").stdout.startswith("digraph provenance {")
    document = json.loads(case("graph", "--from-alert", "0", "--json").stdout)
    assert any(node["kind"] == "alert" and node["row"] == 0 for node in document["nodes"])
    assert not any(node["label"] == "/tmp/x" for node in document["nodes"])
    target = tmp_path / "graph.xml"
    assert case("graph", "--format", "graphml", "-o", target).code == 0
    ET.parse(target)
    if shutil.which("dot"):
        assert "<svg" in case("graph", "--from-alert", "1", "--format", "svg").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--from-alert", "9"], 1, "tiercel: no alert 9: they are numbered 0 to 3"),
        (["--format", "png"], 2, "use one of dot, json, graphml, svg"),
        (["-o", "/nowhere/graph.dot"], 1, "tiercel: /nowhere/graph.dot: cannot be written"),
    ],
)
def test_what_is_wrong_with_a_graph_is_said(case: Case, arguments: list[str], code: int, message: str) -> None:
    ran = case("graph", *arguments)
    assert ran.code == code
    assert message in ran.stderr


def test_a_limit_is_said_on_stderr(case: Case) -> None:
    ran = case("graph", "--from-alert", "1", "--depth", "1")
    assert ran.code == 0
    assert "further than --depth and --most allow" in ran.stderr
