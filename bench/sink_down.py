"""A sink that refuses for ten minutes while 1,000 alerts a second come, and the sender killed in the middle.

``python bench/sink_down.py [seconds] [alerts a second]``. An HTTP server answers 503 for that long, then 200. Half-way
the sender is killed (SIGKILL) and started again on the same folder. Prints whether every alert that was acknowledged as
being on the disk arrived, in order, how often alerts came twice, and how long it took to catch up.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tiercel.outputs.alert import Alert
from tiercel.outputs.channels.front import Outputs
from tiercel.outputs.channels.settings import HttpSettings, OutputSettings

STEP = 50  # alerts between acknowledgements


def send(url: str, state: str, first: int, rate: float) -> None:
    """Send alerts numbered from ``first`` on for ever; print the last number that is on the disk."""
    outputs = Outputs.of(OutputSettings(json=True, http=HttpSettings(url, json=True, timeout=2)), Path(state))
    number, began = first, time.monotonic()
    while True:
        for _ in range(STEP):
            text = f"an alert of the usual length, number {number} " + "x" * 300
            alert = Alert(time.time_ns(), "Rule", "Notice", "syscall", "host", text, text, {"n": str(number)})
            outputs.send(alert.to_json().encode() + b"\n", alert)
            number += 1
        if not outputs.sync(10):
            sys.exit("not on the disk")
        print(number - 1, flush=True)
        time.sleep(max(began + (number - first) / rate - time.monotonic(), 0))


class Sink:
    """An HTTP server that refuses until :attr:`open` is set; ``got`` holds the numbers and ids of what it took."""

    def __init__(self) -> None:
        self.open = False
        self.refused = 0
        self.got: list[tuple[int, str]] = []
        sink = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if sink.open:
                    number = int(json.loads(body)["output_fields"]["n"])
                    sink.got.append((number, self.headers["X-Tiercel-Alert-Id"]))
                else:
                    sink.refused += 1
                self.send_response(200 if sink.open else 503)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def run(url: str, state: str, first: int, rate: float, seconds: float) -> int:
    """Let a sender run for a while, then kill it; return the last number it acknowledged."""
    sender = subprocess.Popen(
        [sys.executable, __file__, "send", url, state, str(first), str(rate)], stdout=subprocess.PIPE, text=True
    )
    time.sleep(seconds)
    sender.kill()
    return int(sender.communicate()[0].split()[-1])


def main() -> None:
    if sys.argv[1:2] == ["send"]:
        send(sys.argv[2], sys.argv[3], int(sys.argv[4]), float(sys.argv[5]))
    seconds, rate = (float(word) for word in (*sys.argv[1:], *("600", "1000")[len(sys.argv) - 1 :]))
    sink = Sink()
    with tempfile.TemporaryDirectory() as state:
        first = run(sink.url, state, 0, rate, seconds / 2)
        last = run(sink.url, state, first + 1, rate, seconds / 2)
        size = sum(path.stat().st_size for path in Path(state).rglob("*") if path.is_file())
        print(f"{last + 1:,} alerts acknowledged, {sink.refused:,} attempts refused, {size / 1e6:,.0f} MB wait")
        sink.open = True
        began = time.monotonic()
        outputs = Outputs.of(OutputSettings(json=True, http=HttpSettings(sink.url, json=True, timeout=2)), Path(state))
        while not outputs.flush(1) and time.monotonic() - began < seconds:
            pass
        taken = time.monotonic() - began
        outputs.close()
    numbers = [number for number, _ in sink.got]
    first_seen = list(dict.fromkeys(numbers))
    acknowledged = [number for number in first_seen if number <= last]
    ids = {id for number, id in sink.got}
    print(f"{len(numbers):,} came in {taken:.0f} s, {len(numbers) - len(set(numbers)):,} of them twice")
    print(f"every acknowledged alert came: {set(range(last + 1)) <= set(numbers)}")
    print(f"in order: {acknowledged == sorted(acknowledged)}, one id each: {len(ids) == len(set(numbers))}")
    os._exit(0)


if __name__ == "__main__":
    main()
