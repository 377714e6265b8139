"""The HTTP server, asked by real clients and by bad ones."""

from __future__ import annotations

import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tiercel.errors import InputError
from tiercel.serving import http
from tiercel.serving.http import Answer, HttpServer

HANDLERS = {"/healthz": lambda: Answer(200, b'{"status": "ok"}'), "/broken": lambda: 1 / 0}


@pytest.fixture
def server() -> Iterator[HttpServer]:
    served = HttpServer("127.0.0.1", 0, HANDLERS, workers=4)  # type: ignore[arg-type]
    yield served
    served.close()


def ask(server: HttpServer, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port), 5) as peer:
        peer.sendall(request)
        answer = b""
        try:
            while part := peer.recv(65536):
                answer += part
        except ConnectionResetError:
            pass
        return answer


def healthy(server: HttpServer) -> bool:
    return ask(server, b"GET /healthz HTTP/1.0\r\n\r\n").endswith(b'{"status": "ok"}')


def test_clients_are_answered(server: HttpServer) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/healthz?x=1", timeout=5) as answer:
        assert answer.read() == b'{"status": "ok"}'
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["Connection"] == "close"
    got = subprocess.run(["curl", "-sSI", f"http://127.0.0.1:{server.port}/healthz"], capture_output=True, text=True)
    assert got.returncode == 0, got.stderr
    assert got.stdout.startswith("HTTP/1.1 200 OK\n")
    assert "Content-Length: 16\n" in got.stdout


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"GET /nothing HTTP/1.1", b"404"),
        (b"GET /healthz/../healthz HTTP/1.1", b"404"),
        (b"GET /%68ealthz HTTP/1.1", b"404"),
        (b"POST /healthz HTTP/1.1", b"405"),
        (b"GET /healthz", b"400"),
        (b"\xff\xfe", b"400"),
        (b"GET /healthz FTP/1.0", b"400"),
    ],
)
def test_everything_else_is_refused(server: HttpServer, request_line: bytes, status: bytes) -> None:
    assert ask(server, request_line + b"\r\n\r\n").split(b" ")[1] == status
    assert healthy(server)


def test_a_fault_in_an_answer_ends_that_connection_only(server: HttpServer) -> None:
    assert ask(server, b"GET /broken HTTP/1.1\r\n\r\n") == b""
    assert healthy(server)


def test_requests_without_an_end_are_cut_off(server: HttpServer) -> None:
    assert ask(server, b"GET /healthz HTTP/1.1\r\nX: " + b"y" * 20_000) == b""
    assert healthy(server)


def test_slow_clients_have_a_few_seconds_in_all(server: HttpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "_SECONDS", 0.5)
    with socket.create_connection(("127.0.0.1", server.port), 5) as peer:
        began = time.monotonic()
        with pytest.raises(OSError, match=r"Broken pipe|reset"):  # noqa: PT012 - one byte at a time until it is cut
            for _ in range(100):
                peer.sendall(b"x")
                time.sleep(0.1)
        assert time.monotonic() - began < 5


def test_many_slow_clients_do_not_keep_others_out(server: HttpServer) -> None:
    slow = [socket.create_connection(("127.0.0.1", server.port), 5) for _ in range(50)]
    try:
        for peer in slow[:5]:
            peer.sendall(b"GET /hea")
        assert healthy(server)
    finally:
        for peer in slow:
            peer.close()


def test_ipv6() -> None:
    served = HttpServer("::1", 0, HANDLERS)  # type: ignore[arg-type]
    try:
        with urllib.request.urlopen(f"http://[::1]:{served.port}/healthz", timeout=5) as answer:
            assert answer.status == 200
    finally:
        served.close()


def certificate(path: Path, name: str) -> Path:
    """Write a certificate of openssl and its key into one file; return the certificate alone."""
    parts = [path.with_suffix(".key"), path.with_suffix(f".{name}")]
    subprocess.run(
        ["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-keyout", parts[0], "-x509", "-out", parts[1],
         "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    path.write_bytes(parts[1].read_bytes() + parts[0].read_bytes())
    return parts[1]


def test_tls_with_a_certificate_of_openssl_that_is_renewed(tmp_path: Path) -> None:
    made = tmp_path / "falco.pem"
    trusted = certificate(made, "first")
    served = HttpServer("127.0.0.1", 0, HANDLERS, certificate=str(made))  # type: ignore[arg-type]
    url = f"https://127.0.0.1:{served.port}/healthz"
    try:
        with urllib.request.urlopen(url, timeout=5, context=ssl.create_default_context(cafile=trusted)) as answer:
            assert answer.read() == b'{"status": "ok"}'
        assert ask(served, b"GET /healthz HTTP/1.1\r\n\r\n") == b""  # plainly
        with pytest.raises(urllib.error.URLError):
            urllib.request.urlopen(url, timeout=5)
        renewed = certificate(made, "second")
        with urllib.request.urlopen(url, timeout=5, context=ssl.create_default_context(cafile=renewed)) as answer:
            assert answer.status == 200
        made.write_text("broken")
        with urllib.request.urlopen(url, timeout=5, context=ssl.create_default_context(cafile=renewed)) as answer:
            assert answer.status == 200
    finally:
        served.close()


def test_what_cannot_be_served_is_told(server: HttpServer, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"cannot listen on 127.0.0.1:{server.port}: Address already in use"):
        HttpServer("127.0.0.1", server.port, {})
    with pytest.raises(InputError, match="cannot be used as certificate and key: No such file"):
        HttpServer("127.0.0.1", 0, {}, certificate=str(tmp_path / "absent.pem"))
    (tmp_path / "empty.pem").write_text("")
    with pytest.raises(InputError, match="cannot be used as certificate and key"):
        HttpServer("127.0.0.1", 0, {}, certificate=str(tmp_path / "empty.pem"))
