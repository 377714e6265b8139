"""Reads the keys below ``capture``."""

from __future__ import annotations

from collections.abc import Callable

from tiercel.capture.settings import MB, CaptureSettings
from tiercel.config.section import Section
from tiercel.config.tree import Tree

KEY = "capture"
_MODES = ("rules", "all_rules")
_LEAST_MEMORY = 4  # MB


def read_capture(tree: Tree, flag: Callable[..., bool]) -> CaptureSettings:
    """Return the settings about captures.

    Args:
        flag: reads a truth value, given its default and the keys that lead to it.

    Raises:
        ConfigError: a value cannot be used.
    """
    defaults = CaptureSettings()
    section = Section(tree, flag)
    mode = section.text(KEY, "mode", _MODES[0])
    if mode not in _MODES:
        raise section.wrong(KEY, "mode", f"must be {' or '.join(_MODES)}")
    memory = section.number(KEY, "memory_mb", defaults.memory_bytes / MB)
    if memory < _LEAST_MEMORY:
        raise section.wrong(KEY, "memory_mb", f"must be {_LEAST_MEMORY} or more")
    return CaptureSettings(
        enabled=flag(False, KEY, "enabled"),
        path_prefix=section.text(KEY, "path_prefix", defaults.path_prefix),
        all_rules=mode == _MODES[1],
        default_duration=int(section.number(KEY, "default_duration", defaults.default_duration)),
        max_file_bytes=int(section.number(KEY, "max_file_size_mb", 0)) * MB,
        before=section.seconds(KEY, "before", defaults.before),
        memory_bytes=int(memory * MB),
        max_files=int(section.number(KEY, "max_files", 0)),
        keep_age=section.seconds(KEY, "keep_age", 0),
    )
