"""The other ends of outputs: real servers, and what it takes to make alerts."""

from __future__ import annotations

import contextlib
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tiercel.outputs.alert import Alert

START = 1_795_324_821_000_000_000


def alert(number: int = 0, **changes: Any) -> Alert:
    fields: dict[str, Any] = {"evt.time": START, "proc.name": "bash", "fd.name": None}
    text = f"a shell was opened ({number})"
    given: dict[str, Any] = {
        "time": START + number,
        "rule": "Shell",
        "priority": "Warning",
        "source": "syscall",
        "hostname": "web01",
        "output": text,
        "message": text,
        "output_fields": fields,
        "tags": ("shell", "container"),
    }
    return Alert(**{**given, **changes})


def line(number: int) -> bytes:
    return b'{"n":%d}' % number


def until(held: Callable[[], Any], timeout: float = 10.0) -> None:
    """Wait until something holds."""
    end = time.monotonic() + timeout
    while not held():
        assert time.monotonic() < end, "never came"
        time.sleep(0.005)


class HttpServer:
    """Keeps what is posted. ``answer`` says with which status, given how many requests came before."""

    def __init__(
        self,
        answer: Callable[[int], int] = lambda _: 200,
        tls: ssl.SSLContext | None = None,
        port: int = 0,
        close: bool = False,
    ) -> None:
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.requests = self.connections = 0
        peer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self) -> None:
                super().setup()
                peer.connections += 1

            def do_POST(self) -> None:
                size = int(self.headers["Content-Length"])
                body = self.rfile.read(size)
                if len(body) < size:  # the client was killed
                    self.close_connection = True
                    return
                status = answer(peer.requests)
                peer.requests += 1
                if 200 <= status < 300:
                    peer.bodies.append(body)
                    peer.headers.append({name.lower(): value for name, value in self.headers.items()})
                self.send_response(status)
                self.send_header("Content-Length", "3")
                if close:
                    self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(b"ok\n")

            def log_message(self, *_: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            allow_reuse_address = True
            daemon_threads = True

            def handle_error(self, *_: Any) -> None:
                pass

        self.server = Server(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        if tls is not None:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def ids(self) -> list[str]:
        return [headers["x-tiercel-alert-id"] for headers in self.headers]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@contextlib.contextmanager
def http_server(**options: Any) -> Iterator[HttpServer]:
    server = HttpServer(**options)
    try:
        yield server
    finally:
        server.close()


def certificates(folder: Path) -> None:
    """Make an authority, and certificates of it for a server on localhost and for a client."""

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    new = ("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl(*new, "-x509", "-days", "2", "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=authority")
    (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    for name in ("server", "client"):
        openssl(*new, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        signing = ("-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names")
        openssl("x509", "-req", "-in", f"{name}.csr", "-out", f"{name}.crt", *signing)


def server_tls(folder: Path, client: bool = False) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.crt", folder / "server.key")
    if client:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(folder / "ca.crt")
    return context
