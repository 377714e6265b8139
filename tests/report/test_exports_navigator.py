"""Layers of the ATT&CK Navigator."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.report.exported import attack, hostile
from tiercel.reconstruct.scene import Scene
from tiercel.report.exports.navigator import write_navigator


def test_a_layer(tmp_path: Path) -> None:
    path = tmp_path / "layer.json"
    count = write_navigator(attack(), path, "case 1")
    layer = json.loads(path.read_text())
    assert (layer["name"], layer["domain"]) == ("case 1", "enterprise-attack")
    assert layer["versions"]["layer"] == "4.5"
    assert set(layer["versions"]) == {"attack", "navigator", "layer"}
    assert all(isinstance(version, str) for version in layer["versions"].values())
    found = {technique["techniqueID"]: technique for technique in layer["techniques"]}
    assert count == len(found) == len(layer["techniques"])
    assert {"T1003.008", "T1053.003", "T1548.001", "T1059"} <= set(found)
    assert all(re.fullmatch(r"T\d{4}(\.\d{3})?", identity) for identity in found)
    assert "/etc/cron.d/x" in found["T1053.003"]["comment"]
    assert layer["gradient"]["maxValue"] == max(technique["score"] for technique in found.values())
    assert all(re.fullmatch("#[0-9a-f]{6}", color) for color in layer["gradient"]["colors"])


def test_hostile_texts(tmp_path: Path) -> None:
    write_navigator(hostile(), tmp_path / "layer.json")
    layer = json.loads((tmp_path / "layer.json").read_text())
    assert all(len(technique["comment"]) <= 2000 for technique in layer["techniques"])


def test_nothing(tmp_path: Path) -> None:
    assert write_navigator(Scene(), tmp_path / "layer.json") == 0
    assert json.loads((tmp_path / "layer.json").read_text())["techniques"] == []
