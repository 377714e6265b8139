"""Records from auditd: its dispatcher's socket, and its log as it grows."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from tiercel.sources.audit_live.dispatcher import DispatchedRecords, FollowedRecords, log_path, socket_path
from tiercel.sources.live.errors import LiveError


def line(serial: int) -> str:
    return f'type=SYSCALL msg=audit(1700000000.250:{serial}): arch=c000003e syscall=59 comm="sh"\n'


def test_a_log_is_followed_from_its_end_on(tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    log.write_text(line(1))
    records = FollowedRecords(log)
    assert records.read(10) == []
    with log.open("a") as file:
        file.write(line(2) + line(3)[:40])
        file.flush()
        assert [record.serial for record in records.read(10)] == [2]
        file.write(line(3)[40:] + "nonsense\n")
    assert [record.serial for record in records.read(10)] == [3]
    assert records.unread == 1
    records.close()


def test_a_log_is_followed_across_its_rotation(tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    log.write_text("")
    records = FollowedRecords(log)
    with log.open("a") as file:
        file.write(line(1))
    log.rename(tmp_path / "audit.log.1")
    assert [record.serial for record in records.read(10)] == [1]  # what was written before
    log.write_text(line(2))
    assert [record.serial for record in records.read(10)] == [2]
    os.truncate(log, 0)
    with log.open("a") as file:
        file.write(line(3)[:5])
        file.flush()
        assert records.read(10) == []
        file.write(line(3)[5:])
    assert [record.serial for record in records.read(10)] == [3]
    records.close()


def test_a_log_that_is_not_there_is_said_to_be_so(tmp_path: Path) -> None:
    with pytest.raises(LiveError, match="No such file"):
        FollowedRecords(tmp_path / "audit.log")


def test_the_dispatcher_hands_out_lines(tmp_path: Path) -> None:
    path = tmp_path / "events"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        records = DispatchedRecords(path)
        peer, _ = listening.accept()
        assert records.read(10) == []
        peer.sendall((line(1) + line(2)[:30]).encode())
        assert [record.serial for record in records.read(10)] == [1]
        peer.sendall((line(2)[30:] + "\0").encode())
        assert [record.serial for record in records.read(10)] == [2]
        peer.close()
        assert records.read(10) == []
        assert records.ended
    records.close()


def test_a_dispatcher_that_is_not_there_is_said_to_be_so(tmp_path: Path) -> None:
    with pytest.raises(LiveError, match="af_unix plug-in"):
        DispatchedRecords(tmp_path / "events")


def test_a_line_without_end_is_not_kept(tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    log.write_text("")
    records = FollowedRecords(log)
    log.write_text("x" * 200_000)
    assert records.read(10) == []
    assert records.unread >= 1
    records.close()


def test_places_are_those_of_the_configuration(tmp_path: Path) -> None:
    configuration = tmp_path / "x.conf"
    configuration.write_text("# text\nargs = 0640 /run/events\nlog_file = /srv/audit.log\n")
    assert socket_path(configuration) == Path("/run/events")
    assert log_path(configuration) == Path("/srv/audit.log")
    assert socket_path(tmp_path / "none") == Path("/var/run/audispd_events")
    assert log_path(tmp_path / "none") == Path("/var/log/audit/audit.log")
