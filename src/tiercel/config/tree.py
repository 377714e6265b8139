"""The configuration as a tree of values, put together from files and options."""

from __future__ import annotations

import os
from collections.abc import Iterator
from collections.abc import Mapping as Environment

from tiercel.config.model import ConfigError
from tiercel.config.path import Step, parse_path
from tiercel.rules.yaml_source import Mapping, Scalar, Sequence, Source, Value, YamlError, documents, is_null


class Tree:
    """A mapping of keys, and where each value came from.

    Args:
        environment: variables that ``${NAME}`` in files stands for.
    """

    def __init__(self, environment: Environment[str, str] | None = None) -> None:
        self.environment = os.environ if environment is None else environment
        self.root = Mapping(0, 0)
        self.files: list[str] = []
        self.included: list[str] = []
        """Files and folders that ``config_files`` names, whether or not they exist."""
        self._origins: dict[int, str] = {}
        self._kept: list[Value] = []  # keeps values alive: origins are by identity

    def get(self, *keys: str) -> Value | None:
        """Return the value at a path of keys; None when it is absent or null."""
        value: Value = self.root
        for key in keys:
            found = value.get(key) if isinstance(value, Mapping) else None
            if found is None or is_null(found):
                return None
            value = found
        return value

    def where(self, value: Value) -> str:
        """Return the file, line and column of a value, or the option that gave it."""
        origin = self._origins.get(id(value), "configuration")
        return origin if origin.startswith("-o ") else f"{origin}:{value.line + 1}:{value.column + 1}"

    # Files

    def read(self, path: str) -> None:
        """Read the main file, then the files it includes.

        Raises:
            ConfigError: a file cannot be read, is not YAML or holds something else than keys.
        """
        self.root = self._file(path)
        self.files.append(path)

    def include(self) -> None:
        """Read the files that ``config_files`` names, in order; those that do not exist are passed over.

        Raises:
            ConfigError: as :meth:`read`, or a file includes others or the main file again.
        """
        main = self.files[0] if self.files else ""
        entries = self.get("config_files")
        for entry in entries.items if isinstance(entries, Sequence) else [entries] if entries else []:
            path, strategy = self._include_entry(entry)
            if os.path.normpath(path) == os.path.normpath(main):
                raise ConfigError(f"{self.where(entry)}: config_files includes the main file again")
            self.included.append(path)
            for file in _files_at(path):
                self._merge(self._file(file), strategy)
                self.files.append(file)

    def _include_entry(self, entry: Value) -> tuple[str, str]:
        if isinstance(entry, Scalar):
            return entry.text, "append"
        path = entry.get("path") if isinstance(entry, Mapping) else None
        if not isinstance(path, Scalar) or not isinstance(entry, Mapping):
            raise ConfigError(f"{self.where(entry)}: an entry of config_files needs a path")
        strategy = entry.get("strategy")
        return path.text, strategy.text if isinstance(strategy, Scalar) else "append"

    def _merge(self, other: Mapping, strategy: str) -> None:
        for key, value in other.pairs:
            name = key.text if isinstance(key, Scalar) else ""
            if name == "config_files":
                raise ConfigError(f"{self.where(value)}: an included file cannot include others")
            known = self.root.get(name)
            if known is None:
                self.root.pairs.append((key, value))
            elif strategy == "add-only":
                continue
            elif strategy != "override" and isinstance(value, Sequence) and isinstance(known, Sequence):
                known.items = [*known.items, *value.items]
            else:
                self._put(self.root, name, value)

    def _file(self, path: str) -> Mapping:
        try:
            source = Source.read(path)
        except OSError as error:
            raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from error
        try:
            found = documents(source)
        except YamlError as error:
            raise ConfigError(f"{path}:{error.line + 1}:{error.column + 1}: {error.message}") from error
        root = found[0] if found else None
        if root is None:
            return Mapping(0, 0)
        if not isinstance(root, Mapping):
            raise ConfigError(f"{path}:{root.line + 1}:{root.column + 1}: a configuration is keys and values")
        self._adopt(root, path)
        for value in _values(root):
            if isinstance(value, Scalar):
                value.text = expand_variables(value.text, self.environment)
        return root

    def _adopt(self, root: Value, origin: str) -> None:
        self._kept.append(root)
        for value in _values(root):
            self._origins[id(value)] = origin

    # Options

    def set_option(self, option: str) -> None:
        """Apply one ``-o key=value``; a value in braces is YAML.

        Raises:
            ConfigError: the option is malformed, or the path leads through something else than keys and lists.
        """
        path, equals, text = option.partition("=")
        if not equals:
            raise ConfigError(f"-o {option}: expected key=value")
        value: Value = Scalar(text, 0, 0, plain=False)
        if text.startswith("{") and text.endswith("}"):
            value = _object(text, option)
        self._adopt(value, f"-o {option}")
        try:
            self._set(parse_path(path), value)
        except ValueError as error:
            raise ConfigError(f"-o {option}: {error}") from error

    def _set(self, steps: list[Step], value: Value) -> None:
        node: Value = self.root
        for at, step in enumerate(steps):
            if at == len(steps) - 1:
                new = value
            else:
                new = Sequence(0, 0) if not isinstance(steps[at + 1], str) else Mapping(0, 0)
                known = self._existing(node, step, type(new))
                if known is None:
                    self._kept.append(new)
                    self._origins[id(new)] = self._origins[id(value)]
                new = known or new
            self._put(node, step, new)
            node = new

    def _existing(self, node: Value, step: Step, kind: type[Sequence] | type[Mapping]) -> Value | None:
        found: Value | None = None
        if isinstance(step, str):
            found = node.get(step) if isinstance(node, Mapping) else None
        elif step is not None and isinstance(node, Sequence) and step < len(node.items):
            found = node.items[step]
        if found is None or is_null(found):
            return None
        if not isinstance(found, kind):
            raise ValueError(f"'{step}' is not {'a list' if kind is Sequence else 'a mapping of keys'}")
        return found

    def _put(self, node: Value, step: Step, value: Value) -> None:
        if isinstance(node, Sequence) and not isinstance(step, str):
            at = len(node.items) if step is None else step
            if at > len(node.items):
                raise ValueError(f"there is no entry {at}: the list has {len(node.items)}")
            node.items = [*node.items[:at], value, *node.items[at + 1 :]]
        elif isinstance(node, Mapping) and isinstance(step, str):
            for at, (key, _) in enumerate(node.pairs):
                if isinstance(key, Scalar) and key.text == step:
                    node.pairs[at] = (key, value)
                    return
            key = Scalar(step, value.line, value.column)
            self._kept.append(key)
            self._origins[id(key)] = self._origins.get(id(value), "configuration")
            node.pairs.append((key, value))
        else:
            raise ValueError(f"'{step}' does not lead anywhere here")


def _object(text: str, option: str) -> Value:
    try:
        found = documents(Source("-o", text.encode("utf-8", "surrogateescape")))
    except YamlError as error:
        raise ConfigError(f"-o {option}: {error.message}") from error
    if len(found) != 1 or found[0] is None:
        raise ConfigError(f"-o {option}: expected one value")
    return found[0]


def _values(root: Value) -> Iterator[Value]:
    """Yield every value below and including ``root``, keys too, each once."""
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        yield value
        if isinstance(value, Sequence):
            waiting.extend(value.items)
        elif isinstance(value, Mapping):
            for key, inner in value.pairs:
                waiting += (key, inner)


def _files_at(path: str) -> list[str]:
    if os.path.isdir(path):
        try:
            entries = sorted(os.path.join(path, name) for name in os.listdir(path))
        except PermissionError:
            return []
        return [entry for entry in entries if os.path.isfile(entry)]
    return [path] if os.path.isfile(path) else []


def expand_variables(text: str, environment: Environment[str, str]) -> str:
    """Put environment variables for ``${NAME}``; ``$${`` is a plain ``${``. Unknown ones become empty."""
    at = text.find("$")
    while at >= 0:
        if text.startswith("${", at):
            end = text.find("}", at)
            if end < 0:
                break
            value = environment.get(text[at + 2 : end], "")
            text = text[:at] + value + text[end + 1 :]
            at += len(value)
        elif text.startswith("$${", at) and text.find("}", at) >= 0:
            text = text[:at] + text[at + 1 :]
            at += 1
        else:
            break
        at = text.find("$", at)
    return text
