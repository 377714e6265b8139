"""Socket addresses as audit records hold them: the bytes the program gave, or their translation."""

from __future__ import annotations

from ipaddress import ip_address

from tiercel.sources.audit_values import number

AF_UNIX, AF_INET, AF_INET6 = 1, 2, 10
_FAMILIES = {b"local": AF_UNIX, b"inet": AF_INET, b"inet6": AF_INET6, b"netlink": 16, b"packet": 17}

Address = tuple[str, int]


class SocketAddress:
    """``family`` and, for the families that have one, ``ip`` (address and port) or ``path``.

    The path of an abstract unix socket starts with ``@``.
    """

    __slots__ = ("family", "ip", "path")

    def __init__(self, family: int, ip: Address | None = None, path: bytes | None = None) -> None:
        self.family = family
        self.ip = ip
        self.path = path


def from_bytes(data: bytes) -> SocketAddress | None:
    """Return what a ``sockaddr`` says, None when it is too short to have a family.

    The family is in the order of the machine; of the two readings the one that is a family counts.
    """
    if len(data) < 2:
        return None
    family = int.from_bytes(data[:2], "little")
    if family > 255:
        family = int.from_bytes(data[:2], "big")
    if family == AF_INET and len(data) >= 8:
        return SocketAddress(family, (str(ip_address(data[4:8])), int.from_bytes(data[2:4], "big")))
    if family == AF_INET6 and len(data) >= 24:
        return SocketAddress(family, (str(ip_address(data[8:24])), int.from_bytes(data[2:4], "big")))
    if family == AF_UNIX:
        path = data[2:]
        if path[:1] == b"\0":
            return SocketAddress(family, path=b"@" + path[1:].partition(b"\0")[0]) if len(path) > 1 else None
        return SocketAddress(family, path=path.partition(b"\0")[0])
    return SocketAddress(family)


def from_translation(value: bytes) -> SocketAddress | None:
    """Return what the ``SADDR={ saddr_fam=inet laddr=10.0.0.1 lport=80 }`` of an enriched log says."""
    parts = dict(part.partition(b"=")[::2] for part in value.strip(b"{} ").split())
    family = _FAMILIES.get(parts.get(b"saddr_fam", b"").removeprefix(b"fam="))
    if family is None:
        return None
    if family == AF_UNIX:
        return SocketAddress(family, path=parts.get(b"path"))
    if family in (AF_INET, AF_INET6):
        port = number(parts.get(b"lport"))
        try:
            address = ip_address(parts.get(b"laddr", b"").decode("ascii"))
        except (ValueError, UnicodeDecodeError):
            return None
        if port is None or not 0 <= port <= 0xFFFF or (address.version == 4) != (family == AF_INET):
            return None
        return SocketAddress(family, (str(address), port))
    return SocketAddress(family)
