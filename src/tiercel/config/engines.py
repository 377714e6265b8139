"""Reads ``container_engines``: which containers are looked up, and where.

Falco has ``enabled`` of each engine, and ``sockets`` and ``disable_async`` of ``cri``; the rest is our own.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from collections.abc import Mapping as Environment

from tiercel.config.model import ConfigError
from tiercel.config.section import Section
from tiercel.config.tree import Tree
from tiercel.identity.settings import IdentitySettings, KubernetesSettings
from tiercel.rules.yaml_source import Scalar, Sequence, Value

_KEY = "container_engines"
_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
_MAX_LABEL = 4096


def read_engines(
    tree: Tree, flag: Callable[..., bool], environment: Environment[str, str] | None = None
) -> IdentitySettings:
    """Return the settings.

    Args:
        flag: reads a truth value, given its default and the keys that lead to it.
        environment: where a pod finds the API server; the process's by default.

    Raises:
        ConfigError: a socket is no path, a number none, or Kubernetes is enabled and nobody says where it is.
    """
    section, defaults = Section(tree, flag), IdentitySettings()
    return IdentitySettings(
        docker=flag(True, _KEY, "docker", "enabled"),
        podman=flag(True, _KEY, "podman", "enabled"),
        cri=flag(True, _KEY, "cri", "enabled"),
        lxc=flag(True, _KEY, "lxc", "enabled"),
        libvirt_lxc=flag(True, _KEY, "libvirt_lxc", "enabled"),
        bpm=flag(True, _KEY, "bpm", "enabled"),
        whole=flag(False, _KEY, "cri", "disable_async"),
        patience=section.seconds(_KEY, "patience", defaults.patience),
        linger=section.seconds(_KEY, "linger", defaults.linger),
        label_length=min(int(section.number(_KEY, "label_max_len", defaults.label_length)), _MAX_LABEL),
        cri_sockets=_sockets(tree, "cri", defaults.cri_sockets),
        docker_sockets=_sockets(tree, "docker", defaults.docker_sockets),
        podman_sockets=_sockets(tree, "podman", defaults.podman_sockets),
        containerd_states=_states(tree, defaults),
        kubernetes=_kubernetes(tree, flag, os.environ if environment is None else environment),
    )


def _states(tree: Tree, defaults: IdentitySettings) -> tuple[str, ...]:
    """Return the folders of containerd: those of sockets that are given come first, which usually lie in them."""
    given = _sockets(tree, "cri", ())
    return tuple(dict.fromkeys((*(os.path.dirname(path) for path in given), *defaults.containerd_states)))


def _sockets(tree: Tree, kind: str, default: tuple[str, ...]) -> tuple[str, ...]:
    value = tree.get(_KEY, kind, "sockets")
    if value is None:
        return default
    entries = value.items if isinstance(value, Sequence) else [value]
    return tuple(_path(tree, kind, entry) for entry in entries)


def _path(tree: Tree, kind: str, value: Value) -> str:
    text = value.text.removeprefix("unix://") if isinstance(value, Scalar) else ""
    if not text.startswith("/"):
        raise ConfigError(f"{tree.where(value)}: an entry of {_KEY}.{kind}.sockets must be an absolute path")
    return os.path.normpath(text)


def _kubernetes(tree: Tree, flag: Callable[..., bool], environment: Environment[str, str]) -> KubernetesSettings | None:
    if not flag(False, _KEY, "kubernetes", "enabled"):
        return None

    def text(name: str, default: str = "") -> str:
        value = tree.get(_KEY, "kubernetes", name)
        return value.text if isinstance(value, Scalar) and value.text else default

    host, port = environment.get("KUBERNETES_SERVICE_HOST", ""), environment.get("KUBERNETES_SERVICE_PORT", "443")
    address = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}" if host else ""
    settings = KubernetesSettings(
        server=text("server", address),
        node=text("node", environment.get("FALCO_K8S_NODE_NAME", "") or os.uname().nodename),
        token=text("token_file", f"{_ACCOUNT}/token" if os.path.exists(f"{_ACCOUNT}/token") else ""),
        ca=text("ca_file", f"{_ACCOUNT}/ca.crt" if os.path.exists(f"{_ACCOUNT}/ca.crt") else ""),
        insecure=flag(False, _KEY, "kubernetes", "insecure"),
    )
    if not settings.server.startswith(("https://", "http://")):
        value = tree.get(_KEY, "kubernetes", "server") or tree.get(_KEY, "kubernetes")
        where = tree.where(value) if value is not None else "configuration"
        raise ConfigError(
            f"{where}: {_KEY}.kubernetes is enabled outside a cluster: give the address of the API server as "
            f"{_KEY}.kubernetes.server, such as https://10.0.0.1:6443"
        )
    return settings
