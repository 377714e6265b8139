"""``tiercel watch`` beside the containerd of a test, and the alerts it prints."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

Alert = dict[str, Any]

_PATIENCE = 30.0


class Watching:
    """``tiercel watch --json`` with these options. Other things happen on the host: look only at one's own containers.

    ``alerts`` are those so far, ``told`` the lines on stderr; both grow while it runs.
    """

    def __init__(self, *options: str, folder: Path | None = None) -> None:
        command = [sys.executable, "-m", "tiercel", "watch", "--json", *options]
        self.alerts: list[Alert] = []
        self.told: list[str] = []
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace", cwd=folder
        )
        self._readers = [threading.Thread(target=read) for read in (self._read, self._listen)]
        for reader in self._readers:
            reader.start()
        self._wait(lambda: any("watching" in line for line in self.told), "it did not start")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def of(self, container: str, rule: str, having: Mapping[str, object] | None = None) -> list[Alert]:
        """Return the alerts so far of a rule about a container (whole id), those with these output fields."""
        found = [alert for alert in [*self.alerts] if alert["rule"] == rule]
        wanted = {"container.id": container[:12], **(having or {})}
        return [alert for alert in found if wanted.items() <= alert["output_fields"].items()]

    def wait_for(self, container: str, rule: str, having: Mapping[str, object] | None = None) -> Alert:
        """Wait until there is such an alert; return the output fields of the first.

        Raises:
            TimeoutError: it did not come; says which came.
        """
        self._wait(lambda: bool(self.of(container, rule, having)), f"no {rule!r} of {container[:12]} {having or ''}")
        return dict(self.of(container, rule, having)[0]["output_fields"])

    def stop(self) -> int:
        """End it as Ctrl-C does; return its exit code. ``alerts`` and ``told`` are complete then."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            os.kill(self.process.pid, signal.SIGKILL)
            self.process.wait()
        for reader in self._readers:
            reader.join()
        return self.process.returncode

    def _wait(self, done: Callable[[], bool], failure: str) -> None:
        until = time.monotonic() + _PATIENCE
        while not done():
            if time.monotonic() > until or self.process.poll() is not None:
                self.stop()
                rules = [(alert["rule"], alert["output_fields"].get("container.id")) for alert in self.alerts]
                raise TimeoutError(f"{failure}; alerts: {rules}; stderr: {''.join(self.told)}")
            time.sleep(0.02)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.alerts.append(json.loads(line))

    def _listen(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.told.append(line)
