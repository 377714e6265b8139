"""What is acknowledged arrives: over refusals, kills and restarts, in order, at least once, with an id."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.outputs.channels.peers import alert, http_server, line, until
from tiercel.outputs.channels.front import LOST_RULE, Outputs, with_id
from tiercel.outputs.channels.settings import FileSettings, HttpSettings, OutputSettings
from tiercel.outputs.channels.sink import SinkError
from tiercel.outputs.channels.worker import Backoff
from tiercel.outputs.queue_record import Record
from tiercel.outputs.queue_settings import QueueSettings

ROOT = Path(__file__).parents[3]


class Peer:
    """A sink of our own, to see what a sink is asked for."""

    most = 256 << 10

    def __init__(self) -> None:
        self.refused = 0
        self.got: list[Record] = []
        self.away = self.closed = self.broken = False
        self.reopened = 0

    def send(self, records: Sequence[Record]) -> None:
        if self.broken:
            raise ValueError("a fault")
        if self.away:
            raise SinkError("away")
        self.got += records

    def settle(self) -> None:
        if self.away:
            raise OSError("gone in between")

    def reopen(self) -> None:
        self.reopened += 1

    def stop(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True


def outputs(peers: dict[str, Peer], state: Path | None = None, **changes: Any) -> Outputs:
    settings = OutputSettings(json=True, retry_first=0.01, retry_most=0.02, **changes)
    return Outputs(dict(peers), settings, state)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def start(url: str, folder: Path, first: int) -> subprocess.Popen[str]:
    arguments = [url, str(folder / "state"), str(folder / "alerts.log"), str(first)]
    path = os.pathsep.join((str(ROOT), str(ROOT / "src")))
    return subprocess.Popen(
        [sys.executable, "-m", "tests.outputs.channels.sender", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path},
    )


def acknowledged(sender: subprocess.Popen[str], least: int) -> int:
    """Read on until a number is acknowledged, kill the sender, and return the last one."""
    assert sender.stdout is not None
    for text in sender.stdout:
        if int(text) >= least:
            break
    sender.send_signal(signal.SIGKILL)
    rest = sender.stdout.read().split()
    sender.wait()
    return int(rest[-1] if rest else text)


def numbers(lines: Sequence[bytes]) -> list[int]:
    return [json.loads(entry)["n"] for entry in lines]


def in_order(found: Sequence[int], last: int) -> bool:
    """Whether all numbers up to ``last`` came, each for the first time in order."""
    first_seen = list(dict.fromkeys(found))
    return first_seen[: last + 1] == list(range(last + 1))


def test_a_sender_killed_while_the_sink_refuses(tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    first = acknowledged(start(url, tmp_path, 0), 400)
    with http_server(port=port, answer=lambda request: 503 if request % 100 == 50 else 200) as server:
        sender = start(url, tmp_path, first + 1)
        second = acknowledged(sender, first + 400)
        third = start(url, tmp_path, second + 1)
        until(lambda: second in numbers(server.bodies), 30)
        third.kill()
        third.communicate()
        got = numbers(server.bodies)
        assert in_order([number for number in got if number <= second], second)
        ids = dict(zip(got, server.ids, strict=True))
        assert len({ids[number] for number in range(second + 1)}) == second + 1
        assert all(json.loads(body)["uuid"] == id for body, id in zip(server.bodies, server.ids, strict=True))
    written = (tmp_path / "alerts.log").read_bytes().splitlines()
    assert in_order([number for number in numbers(written) if number <= second], second)
    by_id = {json.loads(entry)["uuid"]: json.loads(entry)["n"] for entry in written}
    assert sorted(number for number in by_id.values() if number <= second) == list(range(second + 1))


def test_one_dead_output_never_delays_another() -> None:
    peers = {"dead": Peer(), "alive": Peer(), "broken": Peer()}
    peers["dead"].away = peers["broken"].broken = True
    out = outputs(peers)
    for i in range(1000):
        out.send(line(i), alert(i))
    assert out.queue.drained(5, ["alive"])
    assert [record.line for record in peers["alive"].got] == [line(i) for i in range(1000)]
    metrics = {output.name: output for output in out.metrics().outputs}
    until(lambda: out.metrics().outputs[0].failed and out.metrics().outputs[2].failed)
    assert (metrics["dead"].waiting, metrics["dead"].sent, metrics["alive"].sent) == (1000, 0, 1000)
    assert metrics["dead"].oldest > 0
    peers["dead"].away = peers["broken"].broken = False
    assert out.flush(5)
    assert [record.line for record in peers["broken"].got] == [line(i) for i in range(1000)]
    out.close()
    assert all(peer.closed for peer in peers.values())


def test_what_is_lost_is_counted_and_told(tmp_path: Path) -> None:
    peers = {"slow": Peer(), "fast": Peer()}
    peers["slow"].away = True
    out = outputs(peers, queue=QueueSettings(capacity=50))
    for i in range(200):
        out.send(line(i), alert(i))
        if i % 40 == 0:
            out.queue.drained(5, ["fast"])
    lost = out.metrics().outputs[0].lost
    assert lost >= 100
    out.flush(0)
    peers["slow"].away = False
    assert out.flush(5)
    told = json.loads(peers["slow"].got[-1].line)
    assert told["rule"] == LOST_RULE
    assert told["source"] == "internal"
    assert told["output_fields"]["output"] == "slow"
    assert json.loads(peers["fast"].got[-1].line) == told
    out.close()


def test_reloading_reopens_every_output() -> None:
    peer = Peer()
    out = outputs({"a": peer})
    out.reload()
    out.send(line(0), alert())
    assert out.flush(5)
    assert peer.reopened == 1
    out.close()


def test_pauses_grow_and_differ() -> None:
    backoff = Backoff(1.0, 10.0)
    pauses = [backoff.next() for _ in range(8)]
    assert all(full / 2 <= pause <= full for pause, full in zip(pauses, [1, 2, 4, 8, 10, 10, 10, 10], strict=True))
    assert len(set(pauses)) == 8
    assert Backoff(1.0, 10.0).next(60) == 60
    assert Backoff(1.0, 10.0).next(9999) == 300


def test_an_id_is_the_last_key_of_json() -> None:
    assert json.loads(with_id(b'{"a":1}', "x")) == {"a": 1, "uuid": "x"}
    assert with_id(b"10:00: text", "x") == b"10:00: text"


@pytest.mark.slow
def test_many_alerts_wait_and_are_delivered_with_little_memory(tmp_path: Path) -> None:
    port = free_port()
    settings = OutputSettings(
        file=FileSettings(str(tmp_path / "log"), keep_alive=True),
        http=HttpSettings(f"http://127.0.0.1:{port}/"),
        retry_first=0.05,
        retry_most=0.2,
    )
    out = Outputs.of(settings, tmp_path / "state")
    count = 10_000
    body = b"x" * 1000
    for i in range(count):
        out.send(b"%d " % i + body, alert(i))
    assert out.sync(10)
    assert out.queue.drained(10, ["file_output"])
    assert out.metrics().outputs[1].waiting == count
    assert out.queue._tail_bytes <= 4 << 20
    with http_server(port=port) as server:
        began = time.monotonic()
        assert out.flush(60)
        assert [int(body.partition(b" ")[0]) for body in server.bodies] == list(range(count))
        assert time.monotonic() - began < 60
    out.close()
