"""The open files of the host as the kernel lists them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.sources.live.host import watchable
from tiercel.model.columns import FdKind
from tiercel.sources.live.descriptors import Sockets, descriptor
from tiercel.sources.live.listing import descriptors_in
from tiercel.sources.live.probe import Probe
from tiercel.sources.records import FdRecord
from tiercel.watching.ebpf import LiveSource
from tiercel.watching.wanted import all_events


@pytest.fixture
def probe() -> Iterator[Probe]:
    loaded = Probe(frozenset())
    yield loaded
    loaded.close()


def _own(probe: Probe) -> dict[int, FdRecord]:
    return {record.fd: record for pid, _, record in descriptors_in(probe.files()) if pid == os.getpid()}


@watchable
def test_files_are_listed_as_proc_shows_them(probe: Probe, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with ExitStack() as stack:
        opened = [
            os.open(tmp_path / "file", os.O_RDWR | os.O_APPEND),
            os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY),
            os.open(tmp_path / "gone", os.O_CREAT | os.O_WRONLY),
            os.memfd_create("hidden"),
            os.eventfd(0),
            *os.pipe(),
        ]
        for fd in opened:
            stack.callback(os.close, fd)
        os.unlink(tmp_path / "gone")
        os.set_inheritable(opened[0], True)
        listed = _own(probe)
        for fd in opened:
            assert listed[fd] == descriptor(os.getpid(), fd, Sockets())
        assert listed[opened[0]].fname == os.fsencode(tmp_path / "file")
        assert listed[opened[2]].fname == os.fsencode(tmp_path / "gone")
        assert listed[opened[3]].type == FdKind.MEMFD


@watchable
@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6], ids=["IPv4", "IPv6"])
def test_both_ends_of_sockets(probe: Probe, family: socket.AddressFamily) -> None:
    host = "127.0.0.1" if family == socket.AF_INET else "::1"
    raw = socket.inet_pton(family, host)
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server((host, 0), family=family))
        client = stack.enter_context(socket.create_connection((host, server.getsockname()[1])))
        accepted = stack.enter_context(server.accept()[0])
        datagrams = stack.enter_context(socket.socket(family, socket.SOCK_DGRAM))
        datagrams.bind((host, 0))
        listed = _own(probe)
        record = listed[server.fileno()]
        assert record.type in (FdKind.IPV4_SERVSOCK, FdKind.IPV6_SERVSOCK)
        assert (record.ip, record.port, record.l4proto) == (raw, server.getsockname()[1], 2)
        near = client.getsockname()[1]
        record = listed[client.fileno()]
        assert (record.sip, record.sport, record.dip, record.dport) == (raw, near, raw, server.getsockname()[1])
        record = listed[accepted.fileno()]
        assert (record.sip, record.sport, record.dip, record.dport) == (raw, server.getsockname()[1], raw, near)
        record = listed[datagrams.fileno()]
        assert (record.ip, record.port, record.l4proto) == (raw, datagrams.getsockname()[1], 3)
        for one in (server, client, accepted, datagrams):
            assert listed[one.fileno()] == descriptor(os.getpid(), one.fileno(), Sockets())


@watchable
def test_unix_sockets_have_the_name_of_either_end(probe: Probe, tmp_path: Path) -> None:
    abstract = f"\0tiercel-test-{os.getpid()}"
    with ExitStack() as stack:
        for name in (str(tmp_path / "socket"), abstract):
            server = stack.enter_context(socket.socket(socket.AF_UNIX))
            server.bind(name)
            server.listen()
            client = stack.enter_context(socket.socket(socket.AF_UNIX))
            client.connect(name)
            accepted = stack.enter_context(server.accept()[0])
            listed = _own(probe)
            ends = [listed[one.fileno()] for one in (server, client, accepted)]
            assert {record.fname for record in ends} == {name.removeprefix("\0").encode()}
            assert {record.type for record in ends} == {FdKind.UNIX_SOCK}
            assert ends[1].source == ends[2].destination != 0
            assert ends[2].source == ends[1].destination != 0


@watchable
def test_what_the_kernel_does_not_list_comes_from_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    script = "import time; keep = open('/etc/hostname'); print(flush=True); time.sleep(30)"
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    try:
        assert child.stdout is not None
        child.stdout.readline()
        found = []
        for listed in (Probe.files, lambda probe: b""):
            monkeypatch.setattr(Probe, "files", listed)
            with LiveSource(all_events(), seconds=0) as source:
                (records,) = [records for pid, records in source.stream.descriptors if pid == child.pid]
            found.append(sorted(records, key=lambda record: record.fd))
        assert found[0] == found[1]
        assert any(record.fname == b"/etc/hostname" for record in found[0])
    finally:
        child.kill()
        child.communicate()


@watchable
def test_a_kernel_that_refuses_to_list_is_watched_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    load = Probe._load_but

    def refuse(probe: Probe, path: bytes, without: tuple[bytes, ...]) -> None:
        load(probe, path, without)
        if b"list_files" not in without:
            raise OSError(13, "refused")

    monkeypatch.setattr(Probe, "_load_but", refuse)
    with LiveSource(all_events(), seconds=0) as source:
        assert source.stream.probe.files() == b""
        own = next(records for pid, records in source.stream.descriptors if pid == os.getpid())
        assert any(record.fname == b"/dev/null" or record.type == FdKind.FIFO for record in own)
