"""What docker and podman say of a container in their inspection, made the metadata of a container event.

Docker's own files have the same parts in other places, see :func:`from_files`.

References: Docker Engine API 1.41, ``ContainerInspect``; ``docker.go`` and ``podman.go`` of Falco's container plugin.
"""

from __future__ import annotations

import re
from datetime import datetime
from ipaddress import IPv4Address
from typing import Any

from tiercel.identity.model import Info, Subject
from tiercel.identity.shape import (
    CPU_PERIOD,
    CPU_SHARES,
    MAX_ENV,
    MAX_MOUNTS,
    blank,
    cpus,
    image_fields,
    integer,
    labels,
    mount,
    part,
    sequence,
    text,
    texts,
)

_MAX_PORTS = 64
_PORT = re.compile("[0-9]{1,5}")


def from_inspection(subject: Subject, engine: str, told: dict[str, Any], label_length: int) -> Info:
    """Return the metadata that an inspection tells.

    Args:
        engine: ``docker`` or ``podman``; podman names images elsewhere.
    """
    config, host = part(told, "Config"), part(told, "HostConfig")
    network = part(told, "NetworkSettings")
    image = text(part(told, "ImageName") if engine == "podman" else part(config, "Image"))
    name = text(told.get("Name")).removeprefix("/")
    id = text(told.get("Image"))
    return blank(subject, engine) | {
        "name": name,
        **image_fields(image),
        "imagedigest": text(told.get("ImageDigest")) or image_fields(image)["imagedigest"],
        "imageid": id.removeprefix("sha256:"),
        "User": text(part(config, "User")),
        **_limits(host),
        "created_time": _seconds(told.get("Created")),
        "env": texts(part(config, "Env"), MAX_ENV),
        "host_ipc": part(host, "IpcMode") == "host",
        "host_network": part(host, "NetworkMode") == "host",
        "host_pid": part(host, "PidMode") == "host",
        "ip": _address(network),
        "is_pod_sandbox": "k8s_POD" in name,
        "labels": labels(part(config, "Labels"), label_length),
        "privileged": part(host, "Privileged") is True,
        "port_mappings": _ports(part(network, "Ports")),
        "Mounts": [
            mount(m.get("Source"), m.get("Destination"), m.get("Mode"), m.get("RW") is True, m.get("Propagation"))
            for m in sequence(told.get("Mounts"), MAX_MOUNTS)
        ],
    }


def from_files(subject: Subject, state: dict[str, Any], host: dict[str, Any] | None, label_length: int) -> Info:
    """Return the metadata in ``config.v2.json`` (``state``) and ``hostconfig.json`` (``host``)."""
    points = part(state, "MountPoints")
    mounts = [
        {**point, "Mode": point.get("Relabel")}
        for point in sequence(list(points.values()) if isinstance(points, dict) else [], MAX_MOUNTS)
    ]
    return from_inspection(subject, "docker", {**state, "HostConfig": host, "Mounts": mounts}, label_length)


def _limits(host: object) -> Info:
    return {
        "cpu_period": integer(part(host, "CpuPeriod")) or CPU_PERIOD,
        "cpu_quota": integer(part(host, "CpuQuota")),
        "cpu_shares": integer(part(host, "CpuShares")) or CPU_SHARES,
        "cpuset_cpu_count": cpus(part(host, "CpusetCpus")),
        "memory_limit": integer(part(host, "Memory")),
        "swap_limit": integer(part(host, "MemorySwap")),
    }


def _seconds(created: object) -> int:
    try:
        return max(0, int(datetime.fromisoformat(text(created)[:19] + "+00:00").timestamp()))
    except (ValueError, OverflowError):
        return 0


def _address(network: object) -> str:
    """Return the address of a container, that in its first network when it has none of its own."""
    found = text(part(network, "IPAddress"), 64)
    networks = part(network, "Networks")
    for entry in sequence(list(networks.values()) if isinstance(networks, dict) else [], 16):
        found = found or text(entry.get("IPAddress"), 64)
    return found


def _ports(ports: object) -> list[Info]:
    """Return which TCP ports of the host lead into the container."""
    found: list[Info] = []
    for key, bindings in list(ports.items())[:_MAX_PORTS] if isinstance(ports, dict) else ():
        inside, _, protocol = str(key).partition("/")
        for binding in sequence(bindings, _MAX_PORTS) if protocol == "tcp" and _PORT.fullmatch(inside) else ():
            try:
                address = int(IPv4Address(text(binding.get("HostIp")) or "0.0.0.0"))
                port = int(text(binding.get("HostPort"), 8))
            except ValueError:
                continue
            found.append({"HostIp": address, "HostPort": port & 0xFFFF, "ContainerPort": int(inside)})
    return found[:_MAX_PORTS]
