"""Reads ``syscall_event_drops`` and ``log_level``."""

from __future__ import annotations

import logging
from collections.abc import Callable

from tiercel.config.model import ConfigError
from tiercel.config.tree import Tree
from tiercel.outputs.drops import DropAction, DropSettings
from tiercel.rules.yaml_source import Scalar, Sequence, Value

KEY = "syscall_event_drops"

LOG_LEVELS = {
    "emergency": logging.CRITICAL,
    "alert": logging.CRITICAL,
    "critical": logging.CRITICAL,
    "error": logging.ERROR,
    "warning": logging.WARNING,
    "notice": logging.INFO + 5,
    "info": logging.INFO,
    "debug": logging.DEBUG,
}


def read_log_level(tree: Tree) -> int:
    """Return the level as Python's logging counts it.

    Raises:
        ConfigError: there is no such level.
    """
    value = tree.get("log_level")
    text = value.text if isinstance(value, Scalar) else "info"
    if value is not None and text not in LOG_LEVELS:
        raise ConfigError(f"{tree.where(value)}: unknown log level '{text}': use one of {', '.join(LOG_LEVELS)}")
    return LOG_LEVELS[text]


def read_drops(tree: Tree, flag: Callable[..., bool], tell: Callable[[str, str, Value], None]) -> DropSettings:
    """Return the settings about dropped events.

    Args:
        flag: reads a truth value, given its default and the keys that lead to it.
        tell: notes that the value of a key could not be used.

    Raises:
        ConfigError: an action is unknown or contradicts another, or the threshold is not in 0..1.
    """
    actions: list[DropAction] = []
    for entry in _entries(tree.get(KEY, "actions")):
        actions.append(_action(tree, entry, actions))

    def number(default: float, name: str) -> float:
        value = tree.get(KEY, name)
        if value is None:
            return default
        try:
            return float(value.text) if isinstance(value, Scalar) else default
        except ValueError:
            tell(f"{KEY}.{name}", f"'{KEY}.{name}' must be a number: {default} is used", value)
            return default

    defaults = DropSettings()
    threshold = number(defaults.threshold, "threshold")
    if not 0 <= threshold <= 1:
        value = tree.get(KEY, "threshold")
        where = tree.where(value) if value is not None else "configuration"
        raise ConfigError(f"{where}: syscall event drops threshold must be a double in the range [0, 1]")
    return DropSettings(
        actions=tuple(actions) or defaults.actions,
        threshold=threshold,
        rate=number(defaults.rate, "rate"),
        max_burst=number(defaults.max_burst, "max_burst"),
        simulate=flag(False, KEY, "simulate_drops"),
    )


def _entries(value: Value | None) -> list[Value]:
    if isinstance(value, Sequence):
        return value.items
    return [] if value is None else [value]  # Falco takes one value for a list of one


def _action(tree: Tree, entry: Value, earlier: list[DropAction]) -> DropAction:
    text = entry.text if isinstance(entry, Scalar) else ""
    try:
        action = DropAction(text)
    except ValueError:
        names = ", ".join(f'"{known}"' for known in DropAction)
        raise ConfigError(f"{tree.where(entry)}: available actions for syscall event drops are {names}") from None
    if action in (DropAction.LOG, DropAction.ALERT) and DropAction.IGNORE in earlier:
        raise ConfigError(
            f'{tree.where(entry)}: syscall event drop action "{action}" does not make sense with the "ignore" action'
        )
    return action
