"""STIX bundles, validated with the reference implementation."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.reference import SHARED, needs_reference
from tests.report.exported import attack, hostile
from tiercel.reconstruct.scene import Scene
from tiercel.replay import Replay
from tiercel.report.exports.stix import write_stix

stix2 = pytest.importorskip("stix2")

_REFERABLE = ("file", "directory", "ipv4-addr", "ipv6-addr", "user-account", "network-traffic", "domain-name")


def bundle(path: Path) -> list[Any]:
    """Read a bundle strictly: only what the standard knows, every reference to an object that is there."""
    found = stix2.parse(path.read_text(), allow_custom=False)
    objects: list[Any] = list(found.objects)
    ids = [one["id"] for one in objects]
    assert len(ids) == len(set(ids))
    for one in objects:
        for name, value in one.items():
            references = [value] if name.endswith("_ref") else value if name.endswith("_refs") else []
            assert set(references) <= set(ids), (one["id"], name)
    return objects


def test_an_attack(tmp_path: Path) -> None:
    count = write_stix(attack(), tmp_path / "case.json", "case 1")
    objects = bundle(tmp_path / "case.json")
    assert count == len(objects)
    kinds = Counter(one["type"] for one in objects)
    assert (kinds["identity"], kinds["report"]) == (1, 1)
    assert {one["name"] for one in objects if one["type"] == "file"} >= {"shadow", ".b", "evil.sh", "x"}
    patterns = {one["external_references"][0]["external_id"]: one for one in objects if one["type"] == "attack-pattern"}
    assert {"T1003.008", "T1053.003", "T1059"} <= set(patterns)
    assert patterns["T1053.003"]["name"] == "Cron"
    assert kinds["sighting"] >= len(patterns)
    wanted = {one["pattern"] for one in objects if one["type"] == "indicator"}
    assert "[file:name = 'x' AND file:parent_directory_ref.path = '/etc/cron.d']" in wanted
    assert "[ipv4-addr:value = '203.0.113.9']" in wanted
    assert kinds["note"] == 7


def test_processes_know_their_parents(tmp_path: Path) -> None:
    write_stix(attack(), tmp_path / "case.json")
    by_id = {one["id"]: one for one in bundle(tmp_path / "case.json")}
    cat = next(one for one in by_id.values() if one.get("command_line") == "cat /etc/shadow")
    line = []
    while cat is not None:
        line.append(cat["command_line"].split()[0])
        cat = by_id.get(cat.get("parent_ref"))
    assert line == ["cat", "evil.sh", "bash", "runc", "systemd"]


def test_the_same_scene_gives_the_same_bundle(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_stix(attack(), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_ids_are_those_that_the_standard_gives(tmp_path: Path) -> None:
    write_stix(attack(), tmp_path / "case.json")
    for one in bundle(tmp_path / "case.json"):
        if one["type"] in _REFERABLE:
            parts = json.loads(one.serialize())
            del parts["id"]
            assert stix2.parse(parts)["id"] == one["id"]


def test_hostile_texts(tmp_path: Path) -> None:
    write_stix(hostile(), tmp_path / "case.json", "<b>'\"")
    objects = bundle(tmp_path / "case.json")
    names = {one["name"] for one in objects if one["type"] == "file"}
    assert "] OR [file:name = 'x" in names


def test_nothing(tmp_path: Path) -> None:
    assert write_stix(Scene(), tmp_path / "case.json") == len(bundle(tmp_path / "case.json"))


@needs_reference
def test_a_recorded_attack(tmp_path: Path) -> None:
    scene = Scene.of(Replay(SHARED / "captures/modern/a-seed-webshell/a-seed-webshell.scap"))
    assert write_stix(scene, tmp_path / "case.json") == len(bundle(tmp_path / "case.json"))
