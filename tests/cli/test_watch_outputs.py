"""``tiercel watch`` sends what it sees to every output while it runs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.cli.command import SOURCE
from tests.outputs.channels.peers import http_server, until
from tests.sources.live.host import watchable

MARK = "tiercel-watch-outputs"
CONDITION = f"evt.type=execve and proc.args contains {MARK}"
RULE = f"- {{rule: Marked, desc: d, condition: '{CONDITION}', output: x, priority: ERROR}}\n"


@watchable
def test_a_running_host_is_told_of_by_every_output(rules: Callable[[str], Path], tmp_path: Path) -> None:
    file = tmp_path / "alerts.log"
    with http_server() as server:
        config = tmp_path / "falco.yaml"
        config.write_text(
            "json_output: true\nstdout_output: {enabled: false}\n"
            f"http_output: {{enabled: true, url: 'http://127.0.0.1:{server.port}/'}}\n"
            f"file_output: {{enabled: true, keep_alive: true, filename: {file}}}\n"
        )
        watch = subprocess.Popen(
            [sys.executable, "-m", "tiercel", "watch", "-r", rules(RULE), "-c", config],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(SOURCE), "STATE_DIRECTORY": str(tmp_path / "state")},
        )
        assert watch.stderr is not None
        try:
            assert "watching" in watch.stderr.readline()
            subprocess.run(["true", MARK], check=True)
            until(lambda: server.bodies and file.exists() and file.stat().st_size)
            file.rename(tmp_path / "moved")
            watch.send_signal(signal.SIGHUP)
            subprocess.run(["true", MARK], check=True)
            until(lambda: len(server.bodies) == 2)
        finally:
            watch.send_signal(signal.SIGTERM)
            said = watch.communicate(timeout=30)[1]
    assert watch.returncode == 0, said
    assert (tmp_path / "state/outputs/http_output.cursor").exists()
    assert {json.loads(body)["rule"] for body in server.bodies} == {"Marked"}
    assert [(tmp_path / "moved").read_bytes(), file.read_bytes()] == [body + b"\n" for body in server.bodies]
