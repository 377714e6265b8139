"""Loads the configuration: falco.yaml, the files it includes, and options."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from collections.abc import Mapping as Environment

from tiercel.config.capture import read_capture
from tiercel.config.drops import read_drops, read_log_level
from tiercel.config.engines import only_containers, read_engines
from tiercel.config.keys import EFFECTIVE, GONE, KNOWN, Keys, suggest
from tiercel.config.model import Config, ConfigError, ConfigNote, NoteKind
from tiercel.config.outputs import read_outputs
from tiercel.config.tracing import read_tracing
from tiercel.config.tree import Tree
from tiercel.config.webserver import read_metrics, read_webserver
from tiercel.rules.extra_output import AppendOutput
from tiercel.rules.model import Priority
from tiercel.rules.selection import Selection
from tiercel.rules.yaml_source import Mapping, Scalar, Sequence, Value, is_null


def load_config(
    path: str | os.PathLike[str] | None = None,
    options: Iterable[str] = (),
    *,
    environment: Environment[str, str] | None = None,
) -> Config:
    """Load the configuration.

    Args:
        path: falco.yaml. Without one, what Falco's own falco.yaml sets: suggested fields are part of every output.
        options: ``key=value`` texts, applied in order after the files.
        environment: the variables ``${NAME}`` in files stands for; the process's by default.

    Raises:
        ConfigError: a file cannot be read, an option is malformed, or a value that matters cannot be understood.
    """
    options = list(options)
    tree = Tree(environment)
    if path is not None:
        tree.read(os.fspath(path))
    for option in options:
        if option.startswith("config_files"):
            tree.set_option(option)
    tree.include()
    for option in options:
        if not option.startswith("config_files"):
            tree.set_option(option)
    config = _Reader(tree).config()
    if path is None and tree.root.get("append_output") is None:
        config.append_output = (AppendOutput(suggested_output=True),)
    return config


class _Reader:
    """Reads the typed values out of a tree."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.notes: list[ConfigNote] = []

    def config(self) -> Config:
        self._keys(self.tree.root, KNOWN, "")
        config = Config()
        for key in _FLAGS:
            setattr(config, key, self._flag(getattr(config, key), key))
        config.stdout_output = self._flag(True, "stdout_output", "enabled")
        config.priority = self._priority()
        config.match_all = self._match_all()
        config.rules = tuple(self._selection(entry) for entry in self._entries("rules"))
        config.rules_files = tuple(self._rules_files())
        config.append_output = tuple(self._append(entry) for entry in self._entries("append_output"))
        config.static_fields = self._static_fields()
        config.engine_kind = self._text("engine", "kind") or ""
        config.capture_file = self._text("engine", "replay", "capture_file") or ""
        config.drops = read_drops(
            self.tree, self._flag, lambda key, message, at: self._note(NoteKind.VALUE, key, message, at)
        )
        config.outputs = read_outputs(self.tree, self._flag, config.json_output)
        config.log_level = read_log_level(self.tree)
        if config.engine_kind == "replay" and not config.capture_file:
            kind = self.tree.get("engine", "kind")
            where = self.tree.where(kind) if kind else "configuration"
            raise ConfigError(f"{where}: engine.kind is 'replay' but engine.replay.capture_file is not given")
        config.capture = read_capture(self.tree, self._flag)
        config.identity = read_engines(self.tree, self._flag, self.tree.environment)
        if only_containers(self.tree):  # they are looked up here as that plugin does
            self.notes = [note for note in self.notes if note.key not in ("plugins", "load_plugins")]
        config.tracing = read_tracing(self.tree, self._flag)
        config.webserver = read_webserver(self.tree, self._flag)
        config.metrics = read_metrics(self.tree, self._flag)
        config.files = tuple(self.tree.files)
        config.named = (*self.tree.files, *self.tree.included, *self._named_rules())
        config.notes = tuple(self.notes)
        return config

    # Which keys were given

    def _keys(self, value: Value, known: Keys, path: str) -> None:
        if isinstance(value, Sequence):
            inner = known.get("[]")
            for at, entry in enumerate(value.items):
                if inner is not None:
                    self._keys(entry, inner, f"{path}[{at}]")
            return
        if not isinstance(value, Mapping):
            return
        for key, inner_value in value.pairs:
            name = key.text if isinstance(key, Scalar) else "?"
            where = f"{path}.{name}" if path else name
            if name not in known and "*" not in known:
                self._unknown(name, where, key, known, not path)
                continue
            if not path and name == "rules_file":
                self._note(NoteKind.DEPRECATED, where, "'rules_file' is deprecated: use rules_files", key)
            inner = known.get(name)
            if where in EFFECTIVE:
                if inner is not None:
                    self._keys(inner_value, inner, where)
            elif inner is None or not any(other.startswith(where + ".") for other in EFFECTIVE):
                if "[" not in path and not any(path.startswith(other) for other in EFFECTIVE):
                    self._note(NoteKind.NO_EFFECT, where, f"'{where}' has no effect here", key)
                if inner is not None:
                    self._quietly(inner_value, inner, where)
            else:
                self._keys(inner_value, inner, where)

    def _quietly(self, value: Value, known: Keys, path: str) -> None:
        """Look for unknown keys only: the key above has no effect anyway."""
        before = len(self.notes)
        self._keys(value, known, path)
        self.notes[before:] = [note for note in self.notes[before:] if note.kind is NoteKind.UNKNOWN]

    def _unknown(self, name: str, where: str, key: Value, known: Keys, top: bool) -> None:
        if top and name in GONE:
            message = f"'{where}' is not a key of Falco 0.44: {GONE[name]}"
        else:
            message = f"unknown key '{where}'{suggest(name, known)}"
        self._note(NoteKind.UNKNOWN, where, message, key)

    def _note(self, kind: NoteKind, key: str, message: str, value: Value) -> None:
        self.notes.append(ConfigNote(kind, key, message, self.tree.where(value)))

    # Values

    def _flag(self, default: bool, *path: str) -> bool:
        value = self.tree.get(*path)
        if value is None:
            return default
        flag = value.boolean() if isinstance(value, Scalar) else None
        if flag is None:
            key, kept = ".".join(path), str(default).lower()
            self._note(NoteKind.VALUE, key, f"'{key}' must be true or false: {kept} is used", value)
            return default
        return flag

    def _text(self, *path: str) -> str | None:
        value = self.tree.get(*path)
        return value.text if isinstance(value, Scalar) else None

    def _entries(self, key: str) -> Iterator[Value]:
        value = self.tree.get(key)
        if isinstance(value, Sequence):
            yield from value.items
        elif isinstance(value, Scalar):
            yield value  # Falco takes one value for a list of one

    def _priority(self) -> Priority:
        value = self.tree.get("priority")
        if value is None:
            return Priority.DEBUG
        priority = Priority.parse(value.text) if isinstance(value, Scalar) else None
        if priority is None:
            names = ", ".join(known.name.lower() for known in Priority)
            raise ConfigError(f"{self.tree.where(value)}: priority must be one of {names}")
        return priority

    def _match_all(self) -> bool:
        value = self.tree.get("rule_matching")
        if value is None:
            return False
        text = value.text.lower() if isinstance(value, Scalar) else ""
        if text not in ("first", "all"):
            raise ConfigError(f"{self.tree.where(value)}: rule_matching must be first or all")
        return text == "all"

    def _selection(self, entry: Value) -> Selection:
        operation = next((key for key in ("enable", "disable") if isinstance(entry, Mapping) and entry.get(key)), None)
        if not isinstance(entry, Mapping) or operation is None:
            raise ConfigError(f"{self.tree.where(entry)}: an entry of rules begins with enable or disable")
        inner = entry.get(operation)
        rule, tag = self._scalar(inner, "rule"), self._scalar(inner, "tag")
        if not rule and not tag:
            raise ConfigError(f"{self.tree.where(entry)}: '{operation}' needs a rule or a tag")
        return Selection(operation == "enable", rule, tag)

    def _scalar(self, value: Value | None, key: str) -> str:
        found = value.get(key) if isinstance(value, Mapping) else None
        if found is None or is_null(found):
            return ""
        if not isinstance(found, Scalar):
            raise ConfigError(f"{self.tree.where(found)}: '{key}' must be one text")
        return found.text

    def _rules_files(self) -> Iterator[str]:
        given = [key for key in ("rules_files", "rules_file") if self.tree.get(key) is not None]
        if len(given) == 2:
            value = self.tree.get("rules_file")
            where = self.tree.where(value) if value else "configuration"
            raise ConfigError(f"{where}: both rules_files and rules_file are given")
        for key in given:
            for entry in self._entries(key):
                if not isinstance(entry, Scalar):
                    raise ConfigError(f"{self.tree.where(entry)}: an entry of {key} must be a path")
                if os.path.exists(entry.text):
                    yield entry.text
                else:
                    self._note(NoteKind.VALUE, key, f"{entry.text} does not exist and is passed over", entry)

    def _named_rules(self) -> Iterator[str]:
        """Yield the paths of rules, whether or not there is something."""
        for key in ("rules_files", "rules_file"):
            yield from (entry.text for entry in self._entries(key) if isinstance(entry, Scalar))

    def _append(self, entry: Value) -> AppendOutput:
        if not isinstance(entry, Mapping):
            raise ConfigError(f"{self.tree.where(entry)}: an entry of append_output must have keys")
        match = entry.get("match")
        tags = match.get("tags") if isinstance(match, Mapping) else None
        suggested = entry.get("suggested_output")
        flag = suggested.boolean() if isinstance(suggested, Scalar) else False
        if flag is None and suggested is not None:
            raise ConfigError(f"{self.tree.where(suggested)}: suggested_output must be true or false")
        fields, raw = self._extra_fields(entry)
        return AppendOutput(
            source=self._scalar(match, "source"),
            tags=frozenset(self._texts(tags)),
            rule=self._scalar(match, "rule"),
            extra_output=self._scalar(entry, "extra_output"),
            suggested_output=bool(flag),
            fields=fields,
            raw_fields=raw,
        )

    def _texts(self, value: Value | None) -> Iterator[str]:
        for entry in value.items if isinstance(value, Sequence) else ():
            if not isinstance(entry, Scalar):
                raise ConfigError(f"{self.tree.where(entry)}: expected a text")
            yield entry.text

    def _extra_fields(self, entry: Mapping) -> tuple[dict[str, str], tuple[str, ...]]:
        given = entry.get("extra_fields")
        formats: dict[str, str] = {}
        raw: list[str] = []
        if given is None or is_null(given):
            return formats, ()
        if not isinstance(given, Sequence):
            raise ConfigError(f"{self.tree.where(given)}: extra_fields must be a list")
        for field in given.items:
            if isinstance(field, Scalar):
                name = field.text
                if name not in formats and name not in raw:
                    raw.append(name)
                    continue
            elif isinstance(field, Mapping) and len(field.pairs) == 1:
                key, format = field.pairs[0]
                name = key.text if isinstance(key, Scalar) else ""
                if name not in formats and name not in raw and isinstance(format, Scalar):
                    formats[name] = format.text
                    continue
            else:
                raise ConfigError(f"{self.tree.where(field)}: a field is a name, or a name with one format")
            raise ConfigError(f"{self.tree.where(field)}: '{name}' is given twice or is not a text")
        return formats, tuple(sorted(raw))

    def _static_fields(self) -> dict[str, str]:
        value = self.tree.get("static_fields")
        if not isinstance(value, Mapping):
            return {}
        return {
            key.text: inner.text for key, inner in value.pairs if isinstance(key, Scalar) and isinstance(inner, Scalar)
        }


_FLAGS = (
    "json_output",
    "json_include_output_property",
    "json_include_output_fields_property",
    "json_include_tags_property",
    "json_include_message_property",
    "time_format_iso_8601",
    "buffered_outputs",
    "watch_config_files",
)
