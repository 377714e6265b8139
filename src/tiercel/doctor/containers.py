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
_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"


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
        return ok("not found")
    return warn(
        "; ".join(told),
        f"start {name}, or let tiercel reach its socket: containers keep their ids, but names and images stay unknown",
    )


def _ping(host: bytes) -> bytes:
    return b"GET /_ping HTTP/1.1\r\nHost: " + host + b"\r\nConnection: close\r\n\r\n"


@check("docker")
def docker(subject: Subject) -> Finding:
    """Docker tells names, images and labels over its HTTP interface."""
    return _engine("docker", ("/run/docker.sock", "/var/run/docker.sock"), _ping(b"docker"))


@check("containerd")
def containerd(subject: Subject) -> Finding:
    """containerd tells of pods over the container runtime interface (gRPC)."""
    paths = ("/run/containerd/containerd.sock", "/run/k3s/containerd/containerd.sock")
    return _engine("containerd", paths, _HTTP2)


@check("cri-o")
def crio(subject: Subject) -> Finding:
    """CRI-O tells of pods over the container runtime interface (gRPC)."""
    return _engine("crio", ("/run/crio/crio.sock",), _HTTP2)


@check("podman")
def podman(subject: Subject) -> Finding:
    """Podman, where its service runs, speaks Docker's interface."""
    return _engine("podman", ("/run/podman/podman.sock",), _ping(b"podman"))


@check("kubernetes")
def kubernetes(subject: Subject) -> Finding:
    """In a pod, the service account lets it ask the API about pods of this node."""
    if not os.environ.get("KUBERNETES_SERVICE_HOST"):
        node = os.path.exists(host_path("/var/lib/kubelet/config.yaml"))
        return ok("this host is a node; pods are told by its container runtime" if node else "not in a pod")
    if not text_of(f"{_ACCOUNT}/token"):
        return warn(
            "in a pod without a service account",
            "mount one (automountServiceAccountToken) where the Kubernetes API is to be asked",
        )
    return ok(f"in a pod of namespace {text_of(f'{_ACCOUNT}/namespace') or 'unknown'}, with a service account")
