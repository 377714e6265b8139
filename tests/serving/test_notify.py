"""What systemd is told."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.sources.live.host import watchable
from tests.watching.watcher import RULE, until, watching
from tiercel.serving.notify import Notifier


@contextmanager
def manager(address: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(address)
        listener.settimeout(20)
        yield listener


@pytest.mark.parametrize("abstract", [False, True])
def test_states_reach_the_manager(tmp_path: Path, abstract: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"\0{tmp_path}" if abstract else str(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", address.replace("\0", "@"))
    with manager(address) as listener:
        Notifier().ready("watching\nweb-1")
        assert listener.recv(1000) == b"READY=1\nSTATUS=watching web-1"


def test_signs_of_life_come_as_often_as_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setenv("WATCHDOG_USEC", "300000")
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    with manager(str(tmp_path / "notify")) as listener:
        notifier = Notifier()
        assert notifier.watchdog == 0.1
        notifier.alive()
        notifier.alive()
        assert listener.recv(1000) == b"WATCHDOG=1"
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.recv(1000)
        time.sleep(0.11)
        notifier.alive()
        assert listener.recv(1000) == b"WATCHDOG=1"


def test_without_a_manager_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    Notifier().ready()
    monkeypatch.setenv("NOTIFY_SOCKET", "/no/such/socket")
    Notifier().stopping()


@watchable
def test_a_watch_tells_when_it_is_up_when_it_reloads_and_when_it_ends(tmp_path: Path) -> None:
    rules, address = tmp_path / "rules.yaml", str(tmp_path / "notify")
    rules.write_text(RULE.format(name="Any", word="notify-a"))
    told: list[bytes] = []
    with manager(address) as listener:
        environment = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "3000000"}
        with watching(tmp_path, "-r", str(rules), environment=environment) as watcher:
            while b"READY=1" not in told:
                told.append(listener.recv(1000))
            watcher.process.send_signal(signal.SIGHUP)
            while told.count(b"READY=1") < 2:
                told.append(listener.recv(1000))
            while b"WATCHDOG=1" not in told[-3:]:
                told.append(listener.recv(1000))
            watcher.end()
        while b"STOPPING=1" not in told:
            told.append(listener.recv(1000))
    states = [message for message in told if message != b"WATCHDOG=1"]
    assert states[0] == b"READY=1"
    assert states[1].startswith(b"RELOADING=1\nMONOTONIC_USEC=")
    assert states[2:] == [b"READY=1", b"STOPPING=1"]


@watchable
def test_a_second_signal_ends_at_once(tmp_path: Path) -> None:
    """The first one waits for an output that does not answer."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"http_output.url=http://127.0.0.1:{mute.getsockname()[1]}/"
        (tmp_path / "rules.yaml").write_text(RULE.format(name="Any", word="notify-b"))
        given = ["-r", str(tmp_path / "rules.yaml"), "-o", "http_output.enabled=true", "-o", url]
        with watching(tmp_path, *given, "-o", "http_output.timeout=60s") as watcher:
            watcher.process.send_signal(signal.SIGTERM)
            until(lambda: "events in" in watcher.said or watcher.process.poll() is not None)
            watcher.process.send_signal(signal.SIGINT)
            assert watcher.process.wait(20) in (-signal.SIGINT, 0)
