"""Alerts as lines on the standard input of a program."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Sequence

from tiercel.outputs.channels.drain import PIPE_WAITS, drained
from tiercel.outputs.channels.settings import ProgramSettings
from tiercel.outputs.channels.sink import SinkError
from tiercel.outputs.queue_record import Record

log = logging.getLogger("tiercel.outputs")


class ProgramSink:
    """Runs a command for each alert, or with ``keep_alive`` one for all, begun anew when it ends.

    An alert is delivered when the command has read it, and where there is one for each, when that ended with status 0.
    """

    most = 32 << 10

    def __init__(self, settings: ProgramSettings) -> None:
        self.settings = settings
        self.refused = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = threading.Event()

    def send(self, records: Sequence[Record]) -> None:
        if self.settings.keep_alive:
            process = self._running()
            self._write(process, b"".join([record.line + b"\n" for record in records]))
            return
        for at, record in enumerate(records):
            try:
                self._once(record)
            except (SinkError, OSError) as error:
                self._end()
                raise SinkError(str(error), at) from error

    def _once(self, record: Record) -> None:
        process = self._process = self._start()
        with contextlib.suppress(BrokenPipeError):  # a command need not read what it is given
            self._write(process, record.line + b"\n")
        self._close_input(process)
        status = self._wait(process)
        self._process = None
        if status:
            raise SinkError(f"the program ended with {_status(status)} (end it with '|| true' if that is no failure)")

    def _start(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            ["/bin/sh", "-c", self.settings.program], stdin=subprocess.PIPE, start_new_session=True
        )
        assert process.stdin is not None
        os.set_blocking(process.stdin.fileno(), False)
        return process

    def _running(self) -> subprocess.Popen[bytes]:
        process = self._process
        if process is not None and process.poll() is not None:
            self._end()
            raise SinkError(f"the program ended with {_status(process.returncode)}")
        if process is None:
            process = self._process = self._start()
            # Whenever it ends it is waited for at once, also when no alert comes for hours.
            threading.Thread(target=process.wait, name="program-output-wait", daemon=True).start()
        return process

    def _write(self, process: subprocess.Popen[bytes], data: bytes) -> None:
        assert process.stdin is not None
        descriptor = process.stdin.fileno()
        view = memoryview(data)
        until = time.monotonic() + self.settings.timeout
        while len(view):
            try:
                view = view[os.write(descriptor, view) :]
                until = time.monotonic() + self.settings.timeout
            except BlockingIOError:
                if self._stopped.is_set():
                    raise SinkError("stopped") from None
                if time.monotonic() > until:
                    raise SinkError(f"the program read nothing for {self.settings.timeout:g} s") from None
                select.select([], [descriptor], [], 0.2)

    def _wait(self, process: subprocess.Popen[bytes]) -> int:
        until = time.monotonic() + self.settings.timeout
        pause = 0.001
        while (status := process.poll()) is None:
            if self._stopped.is_set():
                raise SinkError("stopped")
            if time.monotonic() > until:
                raise SinkError(f"the program did not end within {self.settings.timeout:g} s")
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(pause)
            pause = min(pause * 2, 0.2)
        return status

    def settle(self) -> None:
        process = self._process
        if process is None or process.stdin is None:
            return

        def ended() -> bool:
            return self._stopped.is_set() or process.poll() is not None

        drained(process.stdin.fileno(), PIPE_WAITS, self.settings.timeout, ended)
        if process.poll() is not None:
            self._end()
            raise SinkError(f"the program ended with {_status(process.returncode)}")

    def reopen(self) -> None:
        self._end()

    def stop(self) -> None:
        self._stopped.set()

    def close(self) -> None:
        process = self._process
        if process is not None:
            self._close_input(process)  # the program finishes what it has read
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(2)
        self._end()

    @staticmethod
    def _close_input(process: subprocess.Popen[bytes]) -> None:
        if process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()

    def _end(self) -> None:
        """End the program and everything it started; it is waited for, so none stays behind."""
        process, self._process = self._process, None
        if process is None:
            return
        self._close_input(process)
        for number in (signal.SIGTERM, signal.SIGKILL):
            if process.poll() is not None:
                return
            with contextlib.suppress(OSError):
                os.killpg(process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(1)


def _status(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"status {status}"
