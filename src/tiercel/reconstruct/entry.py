"""Where a session entered: the process at which somebody, or something, came in.

Going up from a process, the first door decides: out of a container into the runtime that executed it, an SSH server, a
login, a cron daemon, a server that spawned a child, the first process of the machine.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from tiercel.reconstruct.executed import arguments
from tiercel.reconstruct.lineage import Lineage


class Door(StrEnum):
    """How a session came in; the value is the plain word for it."""

    EXEC = "exec into the container"
    START = "start of the container"
    SSH = "SSH login"
    LOGIN = "login"
    SERVER = "child of a server"
    CRON = "scheduled job"
    SERVICE = "service of the machine"
    UNKNOWN = "not seen"


INTERACTIVE = frozenset({Door.EXEC, Door.SSH, Door.LOGIN, Door.SERVER, Door.CRON})
"""Doors behind which everything belongs to one visit."""

_RUNTIME = re.compile(r"(?:runc|crun|youki|kata-runtime|runsc|lxc-attach|nsenter|docker-init|tini)$")
_SHIM = re.compile(r"(?:containerd-shim.*|conmon|dockerd|containerd|crio|podman|buildkitd)$")
_SSH = re.compile(r"(?:sshd.*|dropbear|in\.telnetd|telnetd)$")
_LOGIN = re.compile(r"(?:login|agetty|getty|gdm.*|sddm.*|lightdm|su-login)$")
_CRON = re.compile(r"(?:crond?|CRON|anacron|atd|fcron)$")
_INIT = re.compile(r"(?:systemd|init|launchd|runit|s6-svscan)$")
_SERVER = re.compile(
    r"(?:nginx|apache2|httpd|lighttpd|caddy|php-fpm[\d.]*|php-cgi|uwsgi|gunicorn|node|java|tomcat\d*|catalina|mysqld|mariadbd"
    r"|postgres|mongod|redis-server|memcached|named|vsftpd|proftpd|smbd|exim4?|postfix|master|dovecot|rsyslogd|squid)$"
)
_SHELLS = re.compile(r"(?:ba|da|z|k|a|fi|c|tc)?sh$|busybox$|python[\d.]*$|perl$|ruby$|socat$|nc(?:at)?$")


@dataclass(frozen=True, slots=True)
class Entry:
    """The first process of a session, the one that let it in (row or None), and how."""

    root: int
    by: int | None
    door: Door


def entry(lineage: Lineage, row: int) -> Entry:
    """Return where the session of process ``row`` entered."""
    at = row
    for _ in range(lineage.count):
        by = lineage.parent[at]
        door = _door(lineage, at, by)
        if door is not None:
            return Entry(at, by, door)
        assert by is not None
        at = by
    return Entry(row, lineage.parent[row], Door.UNKNOWN)


def _door(lineage: Lineage, row: int, by: int | None) -> Door | None:
    """Return the door between a process and its parent, None when there is none."""
    inside = lineage.container[row]
    if by is None:
        if inside and lineage.vpid[row] == 1:
            return Door.START
        return Door.SERVICE if lineage.from_start[row] and not inside else Door.UNKNOWN
    if inside and lineage.container[by] != inside:
        return _into_container(lineage, row, by)
    start = lineage.start[row]
    name = lineage.name_at(by, start)
    if _SSH.match(name):
        return None if _SSH.match(lineage.name[row]) else Door.SSH
    for pattern, door in ((_LOGIN, Door.LOGIN), (_CRON, Door.CRON)):
        if pattern.match(name):
            return None if pattern.match(lineage.name[row]) else door
    if not inside and (_INIT.match(name) or lineage.pid[by] == 1):
        return Door.SERVICE
    if _SERVER.match(name) and not _SERVER.match(lineage.name[row]) and _SHELLS.match(lineage.name[row]):
        return Door.SERVER
    if _SERVER.match(name) and any(_SHELLS.match(step["name"] or "") for step in lineage.execs[row]):
        return Door.SERVER
    return None


def _into_container(lineage: Lineage, row: int, by: int) -> Door:
    """Return whether a runtime started the container with this process or executed it in a running one."""
    for process in (by, *lineage.ancestors(by)):
        name = lineage.name[process]
        words = arguments(lineage.cmdline[process])[1:]
        if _RUNTIME.match(name) or _SHIM.match(name):
            for verb in words:
                if verb == "exec":
                    return Door.EXEC
                if verb in ("run", "create", "start"):
                    return Door.START
        else:
            break
    return Door.START if lineage.vpid[row] == 1 else Door.EXEC


def is_runtime(name: str) -> bool:
    """Tell whether a process name is that of a container runtime at work (``runc``, ``runc:[2:INIT]``)."""
    return name.startswith("runc:[") or bool(_RUNTIME.match(name) or _SHIM.match(name))
