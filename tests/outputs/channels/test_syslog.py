"""Alerts by syslog, received by real sockets."""

from __future__ import annotations

import re
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.outputs.channels.peers import alert, certificates, line, server_tls, until
from tiercel.errors import InputError
from tiercel.outputs.channels.front import Outputs
from tiercel.outputs.channels.settings import Format, OutputSettings, SyslogSettings, TlsSettings

LOCAL = rb"<12>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d falco\[\d+\]: "
NEW = rb'<12>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z \S+ falco \d+ alert \[tiercel@32473 id="([0-9a-f-]{36})"\] '


def outputs(address: str, state: Path | None = None, **changes: Any) -> Outputs:
    syslog = SyslogSettings(address, **changes)
    return Outputs.of(OutputSettings(syslog=syslog, retry_first=0.01, retry_most=0.05), state)


class Server:
    """Takes connections and keeps what octet counting finds in each."""

    def __init__(self, tls: ssl.SSLContext | None = None, port: int = 0) -> None:
        self.messages: list[bytes] = []
        self.listener = socket.create_server(("127.0.0.1", port))
        self.port = self.listener.getsockname()[1]
        self.tls, self.connections = tls, []  # type: ignore[var-annotated]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        try:
            while True:
                connection, _ = self.listener.accept()
                if self.tls is not None:
                    connection = self.tls.wrap_socket(connection, server_side=True)
                self.connections.append(connection)
                threading.Thread(target=self.read, args=(connection,), daemon=True).start()
        except OSError:
            pass

    def read(self, connection: socket.socket) -> None:
        data = b""
        try:
            while more := connection.recv(65536):
                data += more
                while found := re.match(rb"(\d+) ", data):
                    end = found.end() + int(found[1])
                    if len(data) < end:
                        break
                    self.messages.append(data[found.end() : end])
                    data = data[end:]
        except OSError:
            pass

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for connection in self.connections:
            connection.close()


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_the_local_socket_gets_what_falco_would_send(tmp_path: Path, kind: socket.SocketKind) -> None:
    with socket.socket(socket.AF_UNIX, kind) as server:
        server.bind(str(tmp_path / "log"))
        if kind is socket.SOCK_STREAM:
            server.listen()
        out = outputs(f"unix://{tmp_path}/log")
        out.send(b"first\nsecond", alert())
        server.settimeout(5)
        reader = server.accept()[0] if kind is socket.SOCK_STREAM else server
        message = reader.recv(4096)
        assert out.flush(5)
        out.close()
    end = b"\0" if kind is socket.SOCK_STREAM else b""
    assert re.fullmatch(LOCAL + b"first second" + end, message)


def test_a_datagram_too_large_is_cut(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        out = outputs(f"udp://127.0.0.1:{server.getsockname()[1]}", facility="local3")
        out.send(b"x" * 100_000, alert(priority="Critical"))
        assert out.flush(5)
        message = server.recv(200_000)
        out.close()
    assert message.startswith(f"<{19 * 8 + 2}>".encode())
    assert 30_000 < len(message) < 65_536


def test_tcp_with_ids_and_a_server_that_comes_and_goes(tmp_path: Path) -> None:
    server = Server()
    out = outputs(f"tcp://127.0.0.1:{server.port}", format=Format.RFC5424)
    ids = [out.send(line(i), alert(i)) for i in range(50)]
    assert out.flush(5)
    until(lambda: len(server.messages) == 50)
    found = [re.match(NEW + rb"(.*)", message) for message in server.messages]
    assert [match and match[1].decode() for match in found] == ids
    assert [match and match[2] for match in found] == [line(i) for i in range(50)]
    server.close()
    out.send(line(50), alert())
    assert not out.flush(0.3)
    again = Server(port=server.port)
    assert out.flush(5)
    until(lambda: again.messages)
    assert again.messages[-1].endswith(line(50))
    out.close()
    again.close()


def test_tls_with_a_client_certificate(tmp_path: Path) -> None:
    certificates(tmp_path)
    server = Server(server_tls(tmp_path, client=True))
    mine = {
        name: str(tmp_path / name.replace("_", ".").replace("cert", "crt")) for name in ("client_cert", "client_key")
    }
    tls = TlsSettings(ca_cert=str(tmp_path / "ca.crt"), **mine)
    out = outputs(f"tls://localhost:{server.port}", tls=tls)
    for i in range(3):
        out.send(line(i), alert(i))
    assert out.flush(5)
    until(lambda: len(server.messages) == 3)
    assert re.fullmatch(rb"<12>\S+ .\d \S+ \S+ falco\[\d+\]: " + re.escape(line(2)), server.messages[2])
    out.close()
    server.close()


def test_a_socket_that_is_not_there_yet(tmp_path: Path) -> None:
    out = outputs(f"unix://{tmp_path}/log")
    out.send(b"x", alert())
    until(lambda: "No such file" in out.metrics().outputs[0].error)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(tmp_path / "log"))
        assert out.flush(5)
        assert server.recv(100).endswith(b"x")
    out.close()


@pytest.mark.parametrize("make", [lambda: outputs("http://x"), lambda: outputs("udp://x", facility="nine")])
def test_settings_that_cannot_be_used_are_named(make: Callable[[], Outputs]) -> None:
    with pytest.raises(InputError, match="syslog_output"):
        make()
