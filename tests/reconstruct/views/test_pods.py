"""Containers, and what entered them."""

from __future__ import annotations

import json

from tests.reconstruct.scenes import WEB, Stage, attacked
from tiercel.reconstruct.views.pods import PODS, pods


def test_a_container_shows_who_entered_and_what_happened_inside() -> None:
    scene, _ = attacked()
    table = pods(scene)
    assert table.schema.equals(PODS)
    (row,) = table.to_pylist()
    assert (row["container"], row["image"], row["alerts"]) == (WEB, "nginx:1.22", 5)
    assert row["entries"] == [
        "start of the container: nginx (pid 102) by runc",
        "exec into the container: bash (pid 106) by runc, on a terminal",
    ]
    assert set(row["suspicious_files"]) == {"/tmp/evil.sh", "/tmp/.b", "/etc/cron.d/x"}
    assert row["listening"] == ["0.0.0.0:80"]
    assert row["peers"] == ["203.0.113.9:80", "203.0.113.9:4444"]


def test_an_alert_from_a_log_is_enough_for_a_container_to_show() -> None:
    stage = Stage()
    stage.alert("Terminal shell in container", None, output_fields=json.dumps({"container.id": "abc"}), kind="log")
    stage.alert("On the host", None, output_fields=json.dumps({"container.id": "host"}), kind="log")
    (row,) = pods(stage.scene()).to_pylist()
    assert (row["container"], row["alerts"], row["processes"]) == ("abc", 1, 0)
