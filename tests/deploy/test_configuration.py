"""The configuration that comes with the service."""

from __future__ import annotations

import re
from pathlib import Path

from tiercel.config import load_config

CONFIG = Path(__file__).parents[2] / "deploy/tiercel.yaml"


def spelt_out() -> str:
    """Return the configuration with what it only shows: ``#key: value``, where prose has a blank after the sign."""
    return re.sub(r"(?m)^#(?! \S)(.+)$", r"\1", CONFIG.read_text())


def test_every_key_has_an_effect() -> None:
    assert [str(note) for note in load_config(CONFIG, environment={}).notes] == []


def test_what_it_shows_can_be_set(tmp_path: Path) -> None:
    path = tmp_path / "tiercel.yaml"
    path.write_text(spelt_out())
    config = load_config(path, environment={"COLLECTOR_TOKEN": "t"})
    assert [str(note) for note in config.notes if "does not exist and is passed over" not in str(note)] == []
    assert config.static_fields == {"site": "north"}
    assert len(config.rules) == 2


def test_outputs_can_be_switched_on(tmp_path: Path) -> None:
    path = tmp_path / "tiercel.yaml"
    path.write_text(spelt_out().replace("enabled: false", "enabled: true"))
    config = load_config(path, environment={"COLLECTOR_TOKEN": "t"})
    assert set(config.outputs.names) == {"file_output", "syslog_output", "http_output", "program_output", "grpc_output"}
    assert config.capture.enabled
