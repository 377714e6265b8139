"""The audit subsystem, the other way of watching."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from tiercel.doctor.audit_status import AuditStatus, audit_status
from tiercel.doctor.kernel import text_of
from tiercel.doctor.model import Finding, Subject, Way, check, fail, ok, warn
from tiercel.sources.live.privileges import AUDIT, lacking
from tiercel.sources.live.root import host_path

_LOG = "/var/log/audit/audit.log"
_LOCKED = 2


def _status() -> AuditStatus | OSError:
    try:
        return audit_status()
    except OSError as error:
        return error


@check("capabilities", Way.AUDIT)
def capabilities(subject: Subject) -> Finding:
    """Rules take CAP_AUDIT_CONTROL, reading the records CAP_AUDIT_READ."""
    if missing := lacking(AUDIT):
        return fail(f"{' and '.join(missing)} missing", "run it with sudo, or give its service these capabilities")
    return ok(f"{' and '.join(AUDIT)} are in effect")


@check("subsystem", Way.AUDIT)
def subsystem(subject: Subject) -> Finding:
    """The kernel answers over netlink, to root and outside of containers only."""
    status = _status()
    if isinstance(status, OSError):
        if status.errno in (errno.EPROTONOSUPPORT, errno.EAFNOSUPPORT):
            return fail("the kernel has no audit subsystem", "use a kernel built with CONFIG_AUDIT, or eBPF")
        if status.errno == errno.ECONNREFUSED:
            return fail(
                "the kernel does not answer in this namespace",
                "run tiercel on the host: audit does not work in containers",
            )
        return fail(f"the kernel refuses: {status.strerror or status}", "run it with sudo")
    if status.enabled == _LOCKED:
        return fail(
            "its rules are locked until the next boot (auditctl -e 2)",
            f"put the rules into /etc/audit/rules.d before the lock, or read {_LOG} with tiercel scan",
        )
    state = "enabled" if status.enabled else "disabled until it is used"
    return ok(f"answers, {state}; backlog {status.backlog_limit:,} records, {status.lost:,} lost so far")


@check("who reads it")
def reader(subject: Subject) -> Finding:
    """auditd, where it runs, is the one the kernel sends records to; others listen beside it."""
    status = _status()
    if isinstance(status, OSError) or not status.pid:
        return ok("nobody" if not isinstance(status, OSError) else "not known")
    name = text_of(host_path(f"/proc/{status.pid}/comm")) or "a process"
    return ok(f"{name} ({status.pid}); tiercel listens beside it")


@check("log of auditd")
def log(subject: Subject) -> Finding:
    """What auditd wrote can be scanned and hunted."""
    path = Path(host_path(_LOG))
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return ok("none")
    except PermissionError:
        return warn(f"{path.parent} may not be read", "run it with sudo")
    if not os.access(path, os.R_OK):
        return warn(f"{path} may not be read", "run it with sudo")
    return ok(f"{path}, {size >> 10:,} KB")
