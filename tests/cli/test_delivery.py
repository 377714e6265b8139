"""``tiercel scan`` sends its alerts where the configuration says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.command import tiercel
from tests.outputs.channels.peers import alert, http_server, line
from tiercel.cli.delivery import delivery, undelivered
from tiercel.config import load_config
from tiercel.outputs.channels.front import Outputs
from tiercel.outputs.channels.settings import FileSettings, OutputSettings
from tiercel.outputs.queue_settings import QueueSettings

Write = Callable[[str], Path]
OPENS = "- {rule: Opens, desc: d, condition: evt.type=openat, output: 'x %fd.name', priority: INFO}\n"


def test_alerts_go_to_every_output(capture: Path, rules: Write, tmp_path: Path) -> None:
    path = rules(OPENS)
    with http_server() as server:
        config = tmp_path / "falco.yaml"
        config.write_text(
            f"json_output: true\nhttp_output: {{enabled: true, url: 'http://127.0.0.1:{server.port}/'}}\n"
            f"file_output: {{enabled: true, filename: {tmp_path}/alerts.log}}\n"
            f"program_output: {{enabled: true, keep_alive: true, program: cat > {tmp_path}/program}}\n"
            "json_include_alert_id_property: true\n"
        )
        ran = tiercel("scan", capture, "-r", path, "-c", config)
    assert ran.code == 0, ran.stderr
    lines = (tmp_path / "alerts.log").read_bytes().splitlines()
    assert lines
    assert server.bodies == lines
    assert (tmp_path / "program").read_bytes().splitlines() == lines
    assert [json.loads(line)["uuid"] for line in lines] == server.ids
    for printed, entry in zip(ran.lines, lines, strict=True):  # stdout has Falco's keys alone
        sent = json.loads(entry)
        del sent["uuid"]
        assert sent == json.loads(printed)


def test_what_cannot_be_delivered_is_said_and_kept(capture: Path, rules: Write, tmp_path: Path) -> None:
    path, queue, file = rules(OPENS), tmp_path / "queue", tmp_path / "later" / "alerts.log"
    options = [f"outputs_queue.path={queue}", "file_output.enabled=true", f"file_output.filename={file}"]
    arguments = [argument for option in options for argument in ("-o", option)]
    ran = tiercel("scan", capture, "-r", path, *arguments)
    assert ran.code == 1
    assert "tiercel: file_output: " in ran.stderr
    assert f"alerts could not be delivered: [Errno 2] No such file or directory: '{file}'; they are kept" in ran.stderr
    file.parent.mkdir()
    again = tiercel("scan", capture, "-r", path, *arguments)
    assert again.code == 0
    assert file.read_text().splitlines() == ran.lines + again.lines


def test_what_did_not_fit_is_said() -> None:
    settings = OutputSettings(file=FileSettings("/nonexistent/alerts.log"), queue=QueueSettings(capacity=5))
    outputs = Outputs.of(settings)
    for i in range(12):
        outputs.send(line(i), alert(i))
    told = undelivered(outputs, patience=0.5)
    outputs.close()
    assert [text.partition(":")[0] for text in told] == ["file_output", "file_output"]
    assert "5 alerts could not be delivered" in told[0]
    assert "alerts were lost: more waited than the queue may hold" in told[1]


def test_where_no_folder_can_be_made_alerts_of_a_running_host_wait_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "state").write_text("no folder")
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    config = load_config(None, ["file_output.enabled=true", f"file_output.filename={tmp_path}/alerts.log"])
    with delivery(config, json=True, live=True) as outputs:
        assert outputs is not None
        outputs.send(line(0), alert())
        assert undelivered(outputs) == []
    assert "cannot keep alerts there" in capsys.readouterr().err
    assert (tmp_path / "alerts.log").read_bytes() == line(0) + b"\n"


def test_settings_that_cannot_be_used_are_named(capture: Path) -> None:
    ran = tiercel("scan", capture, "-o", "http_output.enabled=true")
    assert ran.code == 1
    assert (
        ran.stderr
        == "tiercel: -o http_output.enabled=true: http_output is enabled, but 'http_output.url' is not given\n"
    )
    ran = tiercel("scan", capture, "-o", "http_output.enabled=true", "-o", "http_output.url=gopher://x")
    assert "no http:// or https:// address" in ran.stderr
