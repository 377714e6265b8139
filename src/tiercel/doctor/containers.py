"""Container engines and Kubernetes: where names of containers and pods come from."""

from __future__ import annotations

import os
import socket
import stat

from tiercel.doctor.kernel import text_of
from tiercel.doctor.model import Finding, Subject, check, ok, warn
from tiercel.sources.live.root import host_path

_PATIENCE = 2.0  # seconds
_HTTP2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"  # preface and empty settings, RFC 9113
_HTTP2_SETTINGS = 4
_FINE = (b"HTTP/1.1 200", b"HTTP/1.0 200")
_NONE, _OFF = "not found", "switched off in the configuration"


def _answers(path: str, request: bytes) -> bytes:
    """Return the first bytes an engine answers on its socket. Raises OSError."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        link.settimeout(_PATIENCE)
        link.connect(path)
        link.sendall(request)
        return link.recv(4096)


def _engine(name: str, paths: tuple[str, ...], request: bytes) -> Finding:
    told = []
    for path in map(host_path, paths):
        try:
            if not stat.S_ISSOCK(os.stat(path).st_mode):
                continue
        except FileNotFoundError:
            continue
        except OSError as error:
            told.append(f"{path}: {error.strerror}")
            continue
        try:
            answer = _answers(path, request)
        except OSError as error:
            told.append(f"{path}: {error.strerror or error}")
            continue
        if answer[:12] in _FINE or (len(answer) > 3 and answer[3] == _HTTP2_SETTINGS):
            return ok(f"{path} answers")
        told.append(f"{path} answers something else")
    if not told:
        return ok(_NONE)
    return warn(
        "; ".join(told),
        f"start {name}, or let tiercel reach its socket: containers keep their ids, but names and images stay unknown",
    )


def _ping(host: bytes) -> bytes:
    return b"GET /_ping HTTP/1.1\r\nHost: " + host + b"\r\nConnection: close\r\n\r\n"


@check("docker")
def docker(subject: Subject) -> Finding:
    """Docker tells names, images and labels over its HTTP interface."""
    settings = subject.config.identity
    return _engine("docker", settings.docker_sockets, _ping(b"docker")) if settings.docker else ok(_OFF)


@check("containerd and cri-o")
def cri(subject: Subject) -> Finding:
    """Both tell of containers and pods over the container runtime interface (gRPC)."""
    settings = subject.config.identity
    return _engine("containerd or crio", settings.cri_sockets, _HTTP2) if settings.cri else ok(_OFF)


@check("podman")
def podman(subject: Subject) -> Finding:
    """Podman is asked where its service runs; else its storage is read."""
    settings = subject.config.identity
    if not settings.podman:
        return ok(_OFF)
    if settings.podman_sockets:
        return _engine("podman", settings.podman_sockets, _ping(b"podman"))
    found = [path for path in settings.storages if os.access(host_path(path), os.R_OK | os.X_OK)]
    return ok(f"read from {', '.join(found)}" if found else _NONE)


@check("kubernetes")
def kubernetes(subject: Subject) -> Finding:
    """The API is asked about pods of this node where the configuration says so."""
    asked = subject.config.identity.kubernetes
    if asked is None:
        node = os.path.exists(host_path("/var/lib/kubelet/config.yaml"))
        return ok("this host is a node; its container runtime tells of pods" if node else "not asked")
    if not asked.token or not text_of(asked.token):
        return warn(
            f"{asked.server} is to be asked, but there is no token",
            "let the pod have the token of its service account (automountServiceAccountToken), or name a token_file",
        )
    return ok(f"{asked.server} is asked about pods of {asked.node}")
