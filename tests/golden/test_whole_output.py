"""Everything Falco printed about one capture, byte for byte: alerts on stdout, its summary on stderr."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.command import tiercel
from tests.reference import SHARED, needs_reference

CAPTURE = SHARED / "captures/modern/a-seed-webshell/a-seed-webshell.scap"
RULES = SHARED / "rules/upstream/falco_rules.yaml"
SUMMARY = "Events detected: "


@needs_reference
@pytest.mark.parametrize(
    ("recorded", "options"),
    [
        ("full-stdout-json.txt", ["-o", "json_output=true"]),
        ("full-stdout-text.txt", []),
        ("full-stdout-text-iso.txt", ["-o", "time_format_iso_8601=true"]),
        ("full-stdout-json-no-append.txt", ["-c", "EMPTY", "--json", "-o", "json_include_message_property=true"]),
    ],
)
def test_output(recorded: str, options: list[str], tmp_path: Path) -> None:
    empty = tmp_path / "falco.yaml"
    empty.write_text("")
    options = [str(empty) if option == "EMPTY" else option for option in options]
    ran = tiercel("scan", "--strict", "--stats", CAPTURE, "-r", RULES, *options, FALCO_HOSTNAME="node-1")
    alerts, summary, totals = (SHARED / "reference/alerts" / recorded).read_text().partition(SUMMARY)
    assert ran.code == 0
    assert ran.stdout == alerts
    assert ran.stderr == summary + totals
