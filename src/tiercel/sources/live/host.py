"""The running host: machine, users, groups, interfaces."""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import time
from ipaddress import IPv6Network
from pathlib import Path

from tiercel.model.world import Group, Interface, Machine, User, World
from tiercel.sources.live.root import host_path

_SIOCGIFADDR, _SIOCGIFBRDADDR, _SIOCGIFNETMASK = 0x8915, 0x8919, 0x891B


def live_world(hostname: str) -> World:
    """Return what is known of this host, which goes by ``hostname``."""
    world = World(machine=_machine(hostname), interfaces=_interfaces())
    for fields in _records(host_path("/etc/passwd"), 7):
        if fields[2].isdigit() and fields[3].isdigit():
            uid, gid = int(fields[2]), int(fields[3])
            world.users.setdefault((b"", uid), User(uid, gid, fields[0], fields[5], fields[6]))
    for fields in _records(host_path("/etc/group"), 3):
        if fields[2].isdigit():
            world.groups.setdefault((b"", int(fields[2])), Group(int(fields[2]), fields[0]))
    return world


def _records(path: str, least: int) -> list[list[bytes]]:
    try:
        lines = Path(path).read_bytes().splitlines()
    except OSError:
        return []
    return [fields for line in lines if len(fields := line.split(b":")) >= least]


def _machine(hostname: str) -> Machine:
    boot = time.time_ns() - time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        most = int(Path(host_path("/proc/sys/kernel/pid_max")).read_text())
    except (OSError, ValueError):
        most = 0
    return Machine(os.cpu_count() or 1, memory, most, hostname, boot)


def _interfaces() -> list[Interface]:
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            request = struct.pack("16s16x", name.encode()[:15])
            try:
                address, netmask, broadcast = (
                    fcntl.ioctl(probe, code, request.ljust(40, b"\0"))[20:24]
                    for code in (_SIOCGIFADDR, _SIOCGIFNETMASK, _SIOCGIFBRDADDR)
                )
            except OSError:
                continue  # without an IPv4 address
            found.append(Interface(name.encode(), address, netmask, broadcast))
    try:
        lines = Path("/proc/net/if_inet6").read_text().splitlines()
    except OSError:
        lines = []
    for line in lines:
        text, _, prefix, _, _, name = line.split()
        netmask = IPv6Network((0, int(prefix, 16))).netmask.packed
        found.append(Interface(name.encode(), bytes.fromhex(text), netmask))
    return found
