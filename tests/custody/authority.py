"""A time stamp authority of our own: ``openssl ts`` behind a small HTTP server, with a CA made on the spot."""

from __future__ import annotations

import shutil
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="the openssl command is not installed")

_CONFIG = """
[tsa]
serial = {folder}/serial
crypto_device = builtin
signer_cert = {folder}/tsa.crt
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ordering = no
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = sha256
[signing]
extendedKeyUsage = critical,timeStamping
keyUsage = critical,digitalSignature
basicConstraints = critical,CA:false
"""


class Authority:
    """An authority in ``folder``; its root certificate is ``root``. ``asked`` counts requests.

    ``mode``: "honest", or how it misbehaves: "replay" answers with the response before, "error" with an HTTP status,
    "junk" with something else, "refuse" with a refusal.
    """

    def __init__(self, folder: Path, name: str = "Test TSA") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.root, self.mode, self.asked = folder, folder / "ca.crt", "honest", 0
        self._last = b""
        (folder / "serial").write_text("01\n")
        (folder / "tsa.cnf").write_text(_CONFIG.format(folder=folder))
        ca = ["-keyout", "ca.key", "-out", "ca.crt", "-subj", f"/CN={name} root", "-days", "30"]
        self._openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", *ca)
        own = ["-keyout", "tsa.key", "-out", "tsa.csr", "-subj", f"/CN={name}"]
        self._openssl("req", "-new", "-newkey", "rsa:2048", "-nodes", *own)
        issue = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30", "-out", "tsa.crt"]
        self._openssl("x509", "-req", "-in", "tsa.csr", *issue, "-extfile", "tsa.cnf", "-extensions", "signing")

    def answer(self, query: bytes) -> bytes:
        """Return the response (DER) to a request."""
        self.asked += 1
        (self.folder / "query.tsq").write_bytes(query)
        self._openssl(
            "ts", "-reply", "-config", "tsa.cnf", "-section", "tsa", "-queryfile", "query.tsq", "-out", "reply.tsr"
        )
        fresh = (self.folder / "reply.tsr").read_bytes()
        given, self._last = (self._last if self.mode == "replay" else fresh), fresh
        return given

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)

    def __enter__(self) -> Authority:
        authority = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                query = self.rfile.read(int(self.headers["Content-Length"]))
                sound = self.headers["Content-Type"] == "application/timestamp-query"
                if not sound or authority.mode == "error":
                    self.send_error(503)
                    return
                reply = b"<html>no</html>" if authority.mode == "junk" else authority.answer(query)
                if authority.mode == "refuse":  # PKIStatusInfo: rejection, and no token
                    reply = bytes.fromhex("30053003020102")
                self.send_response(200)
                self.send_header("Content-Type", "application/timestamp-reply")
                self.end_headers()
                self.wfile.write(reply)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
