"""Reads ``container_engines``: which containers are looked up, and where.

Falco has ``enabled`` of each engine, and ``sockets`` and ``disable_async`` of ``cri``; the rest is our own. What is not
given there is taken from ``init_config`` of the plugin ``container``, which Falco since 0.41 looks containers up with.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from collections.abc import Mapping as Environment

from tiercel.config.model import ConfigError
from tiercel.config.section import Section
from tiercel.config.tree import Tree
from tiercel.identity.settings import IdentitySettings, KubernetesSettings
from tiercel.rules.yaml_source import Mapping, Scalar, Sequence, Value, is_null

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
    section, defaults, plugin = Section(tree, flag), IdentitySettings(), _plugin(tree)

    def enabled(kind: str) -> bool:
        given = _below(plugin, "engines", kind, "enabled")
        return flag(
            given is None or not isinstance(given, Scalar) or given.boolean() is not False, _KEY, kind, "enabled"
        )

    length = _below(plugin, "label_max_len")
    most = int(length.text) if isinstance(length, Scalar) and length.text.isdecimal() else defaults.label_length
    return IdentitySettings(
        docker=enabled("docker"),
        podman=enabled("podman"),
        cri=enabled("cri"),
        lxc=enabled("lxc"),
        libvirt_lxc=enabled("libvirt_lxc"),
        bpm=enabled("bpm"),
        whole=flag(False, _KEY, "cri", "disable_async"),
        patience=section.seconds(_KEY, "patience", defaults.patience),
        linger=section.seconds(_KEY, "linger", defaults.linger),
        label_length=min(int(section.number(_KEY, "label_max_len", most)), _MAX_LABEL),
        cri_sockets=_sockets(tree, plugin, ("cri", "containerd")) or defaults.cri_sockets,
        docker_sockets=_sockets(tree, plugin, ("docker",)) or defaults.docker_sockets,
        podman_sockets=_sockets(tree, plugin, ("podman",)) or defaults.podman_sockets,
        kubernetes=_kubernetes(tree, flag, os.environ if environment is None else environment),
    )


def only_containers(tree: Tree) -> bool:
    """Return whether the only plugin that is configured is the one whose work is done here."""
    value = tree.get("plugins")
    entries = value.items if isinstance(value, Sequence) else []
    return bool(entries) and all(_is_container(entry) for entry in entries)


def _is_container(entry: Value) -> bool:
    name = _below(entry, "name")
    return isinstance(name, Scalar) and name.text == "container"


def _plugin(tree: Tree) -> Value | None:
    """Return ``init_config`` of the plugin ``container``."""
    value = tree.get("plugins")
    entries = value.items if isinstance(value, Sequence) else []
    return next((_below(entry, "init_config") for entry in entries if _is_container(entry)), None)


def _below(value: Value | None, *keys: str) -> Value | None:
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return None if value is None or is_null(value) else value


def _sockets(tree: Tree, plugin: Value | None, kinds: tuple[str, ...]) -> tuple[str, ...]:
    """Return the sockets of these kinds of engines; () where none is given."""
    value = tree.get(_KEY, kinds[0], "sockets")
    given = [value] if value is not None else [_below(plugin, "engines", kind, "sockets") for kind in kinds]
    found: list[str] = []
    for value in given:
        entries = value.items if isinstance(value, Sequence) else [] if value is None else [value]
        found += [_path(tree, kinds[0], entry) for entry in entries]
    return tuple(dict.fromkeys(found))


def _path(tree: Tree, kind: str, value: Value) -> str:
    text = value.text.removeprefix("unix://") if isinstance(value, Scalar) else ""
    if not text.startswith("/"):
        raise ConfigError(f"{tree.where(value)}: a socket of '{kind}' must be an absolute path")
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
