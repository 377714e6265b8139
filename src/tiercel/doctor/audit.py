"""The audit subsystem, the other way of watching."""

from __future__ import annotations

import os
from pathlib import Path

from tiercel.doctor.kernel import text_of
from tiercel.doctor.model import Finding, Subject, Way, check, fail, ok, warn
from tiercel.sources.audit_live.netlink import AuditSocket
from tiercel.sources.audit_live.status import LOCKED, AuditStatus, read_status
from tiercel.sources.live.errors import LiveError
from tiercel.sources.live.privileges import AUDIT, lacking
from tiercel.sources.live.root import host_path

_LOG = "/var/log/audit/audit.log"


def _status() -> AuditStatus:
    """Return the state of the subsystem. Raises LiveError where the kernel does not tell."""
    with AuditSocket() as control:
        return read_status(control)


@check("capabilities", Way.AUDIT)
def capabilities(subject: Subject) -> Finding:
    """Rules take CAP_AUDIT_CONTROL, reading the records CAP_AUDIT_READ."""
    if missing := lacking(AUDIT):
        return fail(f"{' and '.join(missing)} missing", "run it with sudo, or give its service these capabilities")
    return ok(f"{' and '.join(AUDIT)} are in effect")


@check("subsystem", Way.AUDIT)
def subsystem(subject: Subject) -> Finding:
    """The kernel answers over netlink, to root and outside of containers only."""
    try:
        status = _status()
    except LiveError as error:
        return fail(str(error), "run it with sudo on the host, on a kernel with CONFIG_AUDIT; or use eBPF")
    if status.enabled == LOCKED:
        return warn(
            "its rules are locked until the next boot (auditctl -e 2): only what they audit is seen",
            "add rules to /etc/audit/rules.d before the lock, or use eBPF",
        )
    state = "enabled" if status.enabled else "disabled until it is used"
    return ok(f"answers, {state}; backlog {status.backlog_limit:,} records, {status.lost:,} lost so far")


@check("who reads it")
def reader(subject: Subject) -> Finding:
    """auditd, where it runs, is the one the kernel sends records to; others get copies."""
    try:
        pid = _status().pid
    except LiveError:
        return ok("not known")
    if not pid:
        return ok("nobody; tiercel would")
    name = text_of(host_path(f"/proc/{pid}/comm")) or "a process"
    return ok(f"{name} ({pid}); tiercel would get copies")


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
