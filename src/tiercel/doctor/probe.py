"""Whether this process may load the probe, and whether it works."""

from __future__ import annotations

import logging
import os
import subprocess
import time

from tiercel.doctor.kernel import in_host_namespace, text_of
from tiercel.doctor.model import Finding, Subject, Way, check, fail, ok, warn
from tiercel.sources.live.errors import LiveError
from tiercel.sources.live.libbpf import libbpf
from tiercel.sources.live.privileges import PROBE, PROCESSES, effective, lacking
from tiercel.wire.event_table import BY_CONSTANT

LOG = logging.getLogger("tiercel")

_ASK = "run it with sudo, or give its service or container these capabilities"
_MORE = "tiercel -v doctor shows what libbpf says; see also docs/live.md, when it does not start"
_WHOLE = ("0", "0", "4294967295")


@check("capabilities", Way.EBPF)
def capabilities(subject: Subject) -> Finding:
    """Loading takes CAP_BPF and CAP_PERFMON."""
    if missing := lacking(PROBE):
        return fail(f"{' and '.join(missing)} missing", _ASK)
    return ok(f"{' and '.join(PROBE)} are in effect")


@check("capabilities for /proc")
def reading(subject: Subject) -> Finding:
    """What runs before the first event is read from /proc."""
    if missing := lacking(PROCESSES):
        return warn(
            f"{' and '.join(missing)} missing: environment, descriptors and folders of other users' processes "
            "that run already stay unknown",
            _ASK,
        )
    return ok(f"{' and '.join(PROCESSES)} are in effect")


@check("precedence")
def precedence(subject: Subject) -> Finding:
    """On a busy host events are lost when the watcher does not get its turn."""
    if "CAP_SYS_NICE" not in effective() and os.getpriority(os.PRIO_PROCESS, 0) >= 0:
        return warn("CAP_SYS_NICE is missing: on a busy host the watcher waits for its turn", _ASK)
    return ok("CAP_SYS_NICE is in effect, or it was given precedence")


@check("user namespace", Way.EBPF)
def user_namespace(subject: Subject) -> Finding:
    """Capabilities in a user namespace of its own do not count for eBPF."""
    if tuple(text_of("/proc/self/uid_map").split()) not in ((), _WHOLE):
        return fail(
            "this process is in a user namespace of its own, as in rootless containers: the kernel denies it eBPF",
            "run tiercel on the host, or in a container without user namespaces (hostUsers: true)",
        )
    return ok("that of the host")


@check("libbpf", Way.EBPF)
def library(subject: Subject) -> Finding:
    """The probe is loaded through the system's libbpf."""
    try:
        version = libbpf()("libbpf_version_string").decode()
    except LiveError as error:
        what, _, advice = str(error).partition(": ")
        return fail(what, advice)
    return ok(f"libbpf.so.1, {version}")


@check("loads and sees", Way.EBPF)
def loads(subject: Subject) -> Finding:
    """The probe is really loaded, sees a process start, lists the threads there are, and is unloaded again."""
    from tiercel.sources.live.probe import Probe

    if lacking(PROBE):
        return fail("not tried: this process may not", _ASK)
    began = time.monotonic()
    try:
        probe = Probe({BY_CONSTANT["SYSCALL_EXECVE_19_X"]}, ring_bytes=1 << 16)
    except LiveError as error:
        LOG.info("%s", error)
        seccomp = "; a seccomp filter is in force, which may not allow bpf()" if _filtered() else ""
        return fail(f"{str(error).splitlines()[0]}{seccomp}", _MORE)
    try:
        probe.attach()
        subprocess.run(["/bin/sh", "-c", ":"], check=False, stdin=subprocess.DEVNULL)
        threads, events = len(probe.tasks()), int(probe.counters()[:, 0].sum())
    except LiveError as error:
        return fail(str(error).splitlines()[0], _MORE)
    finally:
        probe.close()
    if not events:
        return fail(
            "it loads, but saw no process start", "another tracer may hold the kernel; tell us what this host is"
        )
    if not threads:
        return warn("it loads and sees, but the kernel does not list its threads", "what /proc hides stays unknown")
    whose = "" if in_host_namespace() else " of its own namespace, the others /proc tells of"
    return ok(f"loaded and unloaded in {time.monotonic() - began:.2f} s; {threads:,} threads listed{whose}")


def _filtered() -> bool:
    return any(line.split() == ["Seccomp:", "2"] for line in text_of("/proc/self/status").splitlines())
