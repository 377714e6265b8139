"""Reads how the kernel is traced: ``engine.modern_ebpf`` and ``falco_libs.snaplen``.

References: the presets of userspace/falco/config_falco.cpp and falco.yaml of Falco 0.44.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable

from tiercel.config.model import ConfigError
from tiercel.config.section import Section
from tiercel.config.tree import Tree
from tiercel.rules.yaml_source import Mapping, Scalar, Sequence
from tiercel.sources.live.calls import call_tables
from tiercel.sources.live.probe import MOST_SNAPLEN, RING_BYTES, SNAPLEN
from tiercel.sources.live.settings import TracingSettings

_PROBE = ("engine", "modern_ebpf")
_PRESETS = tuple(1 << k << 20 for k in range(10))
_MOST_CAP = 1_000_000_000


def read_tracing(tree: Tree, flag: Callable[..., bool]) -> TracingSettings:
    """Return the settings.

    Args:
        flag: reads a truth value, given its default and the keys that lead to it.

    Raises:
        ConfigError: a preset or length is out of bounds, or a call is not known.
    """
    kind = tree.get("engine", "kind")
    return TracingSettings(
        ring_bytes=_ring(tree),
        snaplen=_snaplen(tree, flag),
        drop_failed=flag(False, *_PROBE, "drop_failed_exit"),
        groups=_groups(tree),
        caps=_caps(tree),
        audit=isinstance(kind, Scalar) and kind.text == "audit",
    )


def _ring(tree: Tree) -> int:
    value = tree.get(*_PROBE, "buf_size_preset")
    if value is None:
        return RING_BYTES
    preset = value.unsigned() if isinstance(value, Scalar) else None
    if preset is None or not 1 <= preset <= len(_PRESETS):
        raise ConfigError(
            f"{tree.where(value)}: 'engine.modern_ebpf.buf_size_preset' must be 1 to {len(_PRESETS)}: "
            "1 MB for each processor, doubled with each step"
        )
    return _PRESETS[preset - 1]


def _snaplen(tree: Tree, flag: Callable[..., bool]) -> int:
    section = Section(tree, flag)
    found = int(section.number("falco_libs", "snaplen", SNAPLEN))
    if found > MOST_SNAPLEN:
        raise section.wrong("falco_libs", "snaplen", f"must be at most {MOST_SNAPLEN}")
    return found


def _groups(tree: Tree) -> tuple[str, ...]:
    value = tree.get(*_PROBE, "leave_out_cgroups")
    if value is None:
        return ()
    entries = value.items if isinstance(value, Sequence) else [value]
    found = []
    for entry in entries:
        if not isinstance(entry, Scalar) or not entry.text.startswith("/"):
            raise ConfigError(
                f"{tree.where(entry)}: an entry of 'engine.modern_ebpf.leave_out_cgroups' must be a path "
                "as in /proc/PID/cgroup"
            )
        found.append(entry.text)
    return tuple(found)


def _caps(tree: Tree) -> dict[str, int]:
    value = tree.get(*_PROBE, "rate_caps")
    if value is None:
        return {}
    key = "engine.modern_ebpf.rate_caps"
    if not isinstance(value, Mapping):
        raise ConfigError(f"{tree.where(value)}: '{key}' must name calls, each with a number")
    names = {call.name for call in call_tables().calls}
    found: dict[str, int] = {}
    for name, number in value.pairs:
        text = name.text if isinstance(name, Scalar) else "?"
        if text not in names:
            close = difflib.get_close_matches(text, names, 1)
            hint = f" (did you mean '{close[0]}'?)" if close else ""
            raise ConfigError(f"{tree.where(name)}: '{key}' names '{text}', which is no system call known here{hint}")
        most = number.unsigned() if isinstance(number, Scalar) else None
        if most is None or not 0 < most <= _MOST_CAP:
            raise ConfigError(f"{tree.where(number)}: '{key}.{text}' must be a number of calls a second")
        found[text] = most
    return found
