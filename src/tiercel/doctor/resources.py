"""Memory and processor time that this process may use, against what watching takes."""

from __future__ import annotations

from collections.abc import Iterator

from tiercel.doctor.kernel import text_of
from tiercel.doctor.model import Finding, Subject, check, ok, warn
from tiercel.sources.live.probe import RING_BYTES, possible_cpus

_MB = 1 << 20
_BASE = 160 * _MB
"""What watching takes beside the rings: interpreter, rules, tables of a usual host."""

_UNLIMITED = 1 << 60  # cgroups of version 1 give a number near the largest one
_CPUS = 0.5


def _places(controller: str) -> Iterator[str]:
    """Yield the folders of this process's cgroup and those above it, as this namespace sees them."""
    for line in text_of("/proc/self/cgroup").splitlines():
        _, names, path = [*line.split(":", 2), "", ""][:3]
        if names and controller not in names.split(","):
            continue
        root = f"/sys/fs/cgroup/{controller}" if names else "/sys/fs/cgroup"
        parts = [part for part in path.split("/") if part not in ("", "..")]
        for depth in range(len(parts), -1, -1):
            yield "/".join([root, *parts[:depth]])


def memory_limit() -> int | None:
    """Return the bytes this process's cgroups let it have, None without a limit."""
    limits = [
        int(text)
        for place in _places("memory")
        for name in ("memory.max", "memory.limit_in_bytes")
        if (text := text_of(f"{place}/{name}")).isdigit() and int(text) < _UNLIMITED
    ]
    return min(limits, default=None)


def processor_limit() -> float | None:
    """Return the processors this process's cgroups let it use, None without a limit."""
    limits = []
    for place in _places("cpu"):
        quota, _, period = text_of(f"{place}/cpu.max").partition(" ")
        if not quota:
            quota, period = text_of(f"{place}/cpu.cfs_quota_us"), text_of(f"{place}/cpu.cfs_period_us")
        if quota.isdigit() and period.isdigit() and int(period):
            limits.append(int(quota) / int(period))
    return min(limits, default=None)


@check("memory")
def memory(subject: Subject) -> Finding:
    """The rings of all processors count as memory of the watcher's cgroup."""
    cpus = possible_cpus()
    kept = subject.config.capture.memory_bytes if subject.config.capture.enabled else 0
    needed = _BASE + cpus * RING_BYTES + kept
    each = f"{_BASE // _MB} and {RING_BYTES // _MB} for each of {cpus} processors there may be"
    each += f", {kept // _MB} of events kept for captures" if kept else ""
    wants = f"{needed // _MB:,} MB are needed: {each}"
    limit = memory_limit()
    if limit is not None and limit < needed:
        return warn(
            f"the limit is {limit // _MB:,} MB; {wants}",
            "raise MemoryMax= of the service, or the limit of the container",
        )
    free = _available()
    if free is not None and free < needed:
        return warn(
            f"{free // _MB:,} MB are free; {wants}", "free some memory: watching must not be what the kernel ends"
        )
    return ok(f"{f'limit {limit // _MB:,} MB' if limit is not None else 'no limit'}; {wants}")


def _available() -> int | None:
    for line in text_of("/proc/meminfo").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) << 10
    return None


@check("processor")
def processor(subject: Subject) -> Finding:
    """A watcher that is throttled loses events."""
    limit = processor_limit()
    if limit is None:
        return ok("no limit")
    if limit < _CPUS:
        return warn(
            f"the limit is {limit:g} processors", "allow half a processor or more: a throttled watcher loses events"
        )
    return ok(f"limit {limit:g} processors")
