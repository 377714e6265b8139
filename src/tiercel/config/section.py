"""Values below one key of the configuration."""

from __future__ import annotations

import re
from collections.abc import Callable

from tiercel.config.model import ConfigError
from tiercel.config.tree import Tree
from tiercel.rules.yaml_source import Scalar, Value

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|)")
_UNITS = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class Section:
    """Reads values below a key; each method takes that key and a name under it.

    Args:
        flag: reads a truth value, given its default and the keys that lead to it.
    """

    def __init__(self, tree: Tree, flag: Callable[..., bool]) -> None:
        self.tree, self.flag = tree, flag

    def seconds(self, key: str, name: str, default: float, least: float = 0) -> float:
        """Return a duration such as ``90``, ``1.5h`` or ``7d``, in seconds."""
        text = self.text(key, name, "")
        if not text:
            return default
        found = _DURATION.fullmatch(text.strip())
        value = float(found[1]) * _UNITS[found[2]] if found else -1.0
        if value < least:
            raise self.wrong(key, name, "must be a duration, such as 30s, 1h or 7d")
        return value

    def number(self, key: str, name: str, default: float) -> float:
        """Return a number that is not below 0."""
        text = self.text(key, name, "")
        if not text:
            return default
        if not re.fullmatch(r"\d{1,12}(\.\d{1,6})?", text):
            raise self.wrong(key, name, "must be a number, 0 or more")
        return float(text)

    def text(self, key: str, name: str, default: str) -> str:
        """Return one value as it is written."""
        value = self.tree.get(key, name)
        if value is None:
            return default
        if not isinstance(value, Scalar):
            raise self.wrong(key, name, "must be one value")
        return value.text

    def needed(self, key: str, name: str) -> str:
        """Return a text that must be given when the key is enabled."""
        text = self.text(key, name, "")
        if not text:
            given: Value | None = self.tree.get(key, name) or self.tree.get(key)
            where = self.tree.where(given) if given is not None else "configuration"
            raise ConfigError(f"{where}: {key} is enabled, but '{key}.{name}' is not given")
        return text

    def wrong(self, key: str, name: str, message: str) -> ConfigError:
        """Return the error about a value; ``message`` goes on after the name of the key."""
        value = self.tree.get(key, name)
        where = self.tree.where(value) if value is not None else "configuration"
        return ConfigError(f"{where}: '{key}.{name}' {message}")
