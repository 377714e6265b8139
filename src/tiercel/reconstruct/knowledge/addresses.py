"""What kind of address an address is."""

from __future__ import annotations

import ipaddress
from functools import cache


@cache
def address_class(address: str | None) -> str | None:
    """Return loopback, private, public, link-local, multicast or unspecified; None for what is no IP address."""
    try:
        ip = ipaddress.ip_address((address or "").strip("[]"))
    except ValueError:
        return None
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    for name in ("unspecified", "loopback", "multicast", "link_local"):
        if getattr(ip, f"is_{name}"):
            return name.replace("_", "-")
    return "private" if ip in _SHARED or _is_private(ip) else "public"


_SHARED = ipaddress.ip_network("100.64.0.0/10")  # between a provider and its customers
_PRIVATE = tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")))


def _is_private(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return any(ip in network for network in _PRIVATE)


def joined(address: str | None, port: int | None) -> str:
    """Return address and port as people write them, IPv6 in brackets."""
    host = address or "?"
    if ":" in host:
        host = f"[{host.strip('[]')}]"
    return host if port is None else f"{host}:{port}"
