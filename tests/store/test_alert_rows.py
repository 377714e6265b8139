"""Alerts of a log as rows of a table."""

from __future__ import annotations

import json
from pathlib import Path

from tests.sources.test_alert_log import JSON, STARTED, TEXT, TIME
from tiercel.sources.alert_log import read_alerts
from tiercel.store.alert_rows import table_of
from tiercel.store.schema import ALERTS


def test_rows(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("\n".join((STARTED, JSON, TEXT)))
    table = table_of(read_alerts([path]))
    assert table.schema.equals(ALERTS.arrow)
    first, second = table.to_pylist()
    assert (first["alert"], first["num"], first["ts"], first["kind"]) == (0, None, TIME, "log")
    assert (first["rule"], first["hostname"], first["tags"]) == (
        "Terminal shell in container",
        "node-1",
        ["T1059", "shell"],
    )
    assert json.loads(first["output_fields"]) == {"evt.time": TIME, "proc.name": "bash", "k8s.pod.name": None}
    assert (second["alert"], second["rule"], second["priority"], second["hostname"]) == (1, "", "Warning", "")


def test_what_cannot_be_written_again(tmp_path: Path) -> None:
    deep = '{"a":' * 400 + "1" + "}" * 400
    path = tmp_path / "log"
    path.write_text(
        JSON.replace('"bash"', "1e999") + "\n" + JSON.replace('"bash"', deep) + "\n"
        + json.dumps({"_source": {**json.loads(JSON), "rule": "\ud800x"}})
    )  # fmt: skip
    first, second, third = table_of(read_alerts([path])).to_pylist()
    assert json.loads(first["output_fields"])["proc.name"] is None
    assert json.loads(second["output_fields"])["evt.time"] == TIME
    assert third["rule"] in ("?x", "\ufffd\ufffd\ufffdx")


def test_no_alerts() -> None:
    assert table_of([]).schema.equals(ALERTS.arrow)


def test_many(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text(f"{JSON}\n" * 20_001)
    assert table_of(read_alerts([path]))["alert"].to_pylist() == list(range(20_001))
