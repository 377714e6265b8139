"""Compiled rule sets kept between runs.

An entry is named by a hash of everything that went into it: the files, the options, this version. Entries are read
back by an unpickler that makes nothing but the plain classes of rules, from files that only this user can write; so
neither a stale nor a planted entry can do more than be ignored.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import os
import pickle
import stat
import sys
import tempfile
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

import tiercel
from tiercel.fields.model import Field, ValueType
from tiercel.rules import model, output_template, syntax, verdict, versions
from tiercel.rules.extra_output import ExtraOutput
from tiercel.rules.load import LoadResult, load, read_source
from tiercel.rules.typing_fields import catalogue_find
from tiercel.rules.yaml_source import Source

_FORMAT = 2
_KEEP = 64  # entries; older ones go
_MAX_BYTES = 256 << 20

_CLASSES: dict[tuple[str, str], type] = {
    (kind.__module__, kind.__qualname__): kind
    for kind in (
        model.Priority,
        model.RuleException,
        model.Rule,
        model.Macro,
        model.RuleList,
        output_template.Slot,
        output_template.Template,
        syntax.Span,
        syntax.Operator,
        syntax.Modifier,
        syntax.FieldRef,
        syntax.Transform,
        syntax.Check,
        syntax.Not,
        syntax.And,
        syntax.Or,
        ValueType,
        verdict.Item,
        verdict.ErrorCode,
        verdict.WarningCode,
        verdict.Context,
        verdict.Problem,
        verdict.Verdict,
        versions.Version,
        versions.Requirement,
    )
}


def folder() -> Path:
    """Return the folder of the cache: ``$XDG_CACHE_HOME/tiercel/rules``, by default under ``~/.cache``."""
    base = os.environ.get("XDG_CACHE_HOME") or ""
    root = Path(base) if os.path.isabs(base) else Path.home() / ".cache"
    return root / "tiercel" / "rules"


def load_cached(
    files: Iterable[str | os.PathLike[str] | Source],
    *,
    strict: bool = False,
    extra: ExtraOutput | None = None,
    every_file: bool = True,
    find: Callable[[str], Field | None] = catalogue_find,
    cache: Path | None = None,
) -> LoadResult:
    """Load rules files as :func:`tiercel.rules.load.load` does, from the cache when nothing changed.

    Only rules that load are kept. What comes from the cache has no ``compilation`` and no ``collector``. A cache that
    cannot be used is passed over in silence.

    Raises:
        RulesFileError: a file cannot be read.
    """
    sources = [file if isinstance(file, Source) else read_source(file) for file in files]
    extra = extra or ExtraOutput()
    try:
        entry = (folder() if cache is None else cache) / _name(sources, strict, extra)
    except RuntimeError:  # no home directory
        return load(sources, strict=strict, extra=extra, every_file=every_file, find=find)
    found = _read(entry, sources, extra.finder(find))
    if found is not None:
        return found
    loaded = load(sources, strict=strict, extra=extra, every_file=every_file, find=find)
    if loaded.successful:
        _write(entry, loaded, sources)
    return loaded


def _name(sources: list[Source], strict: bool, extra: ExtraOutput) -> str:
    digest = hashlib.sha256(repr((_FORMAT, tiercel.__version__, sys.version_info[:2], _code_state())).encode())
    options = (strict, sorted(extra.static.items()), [_plain(entry) for entry in extra.appended])
    digest.update(repr(options).encode())
    for source in sources:
        for part in (os.fsencode(source.name), source.content):
            digest.update(len(part).to_bytes(8, "little"))
            digest.update(part)
    return digest.hexdigest()


def _plain(entry: Any) -> tuple[Any, ...]:
    return (
        entry.source,
        sorted(entry.tags),
        entry.rule,
        entry.extra_output,
        entry.suggested_output,
        list(entry.fields.items()),
        entry.raw_fields,
    )


def _code_state() -> list[tuple[str, int, int]]:
    """Return names, sizes and times of the modules that shape an entry: an edited checkout has no stale entries."""
    found = []
    for package in ("tiercel.rules", "tiercel.fields", "tiercel.wire"):
        path = import_module(package).__file__
        if path is None:
            continue
        with os.scandir(os.path.dirname(path)) as entries:
            for entry in entries:
                if entry.name.endswith((".py", ".txt")):
                    state = entry.stat()
                    found.append((f"{package}/{entry.name}", state.st_size, state.st_mtime_ns))
    return sorted(found)


_FIELDS = {
    kind: tuple(one.name for one in dataclasses.fields(kind))
    for kind in _CLASSES.values()
    if dataclasses.is_dataclass(kind)
}


class _Pickler(pickle.Pickler):
    """Writes fields by name, sources by number, and everything else as the arguments that make it."""

    def __init__(self, file: io.BytesIO, sources: list[Source]) -> None:
        super().__init__(file, protocol=5)
        self._sources = {id(source): number for number, source in enumerate(sources)}

    def persistent_id(self, value: Any) -> tuple[str, str | int] | None:
        if type(value) is Field:
            return "field", value.name
        if type(value) is Source:
            return "source", self._sources[id(value)]
        return None

    def reducer_override(self, value: Any) -> Any:
        names = _FIELDS.get(type(value))
        if names is None:
            return NotImplemented
        return type(value), tuple([getattr(value, name) for name in names])


class _Unpickler(pickle.Unpickler):
    """Reads entries; makes no object but of the classes of rules."""

    def __init__(self, file: io.BytesIO, sources: list[Source], find: Callable[[str], Field | None]) -> None:
        super().__init__(file)
        self._sources = sources
        self._find = find

    def find_class(self, module: str, name: str) -> type:
        kind = _CLASSES.get((module, name))
        if kind is None:
            raise pickle.UnpicklingError(f"{module}.{name} has no place in the cache")
        return kind

    def persistent_load(self, key: Any) -> Field | Source:
        what, which = key
        if what == "source":
            source: Source = self._sources[which]
            return source
        field = self._find(which)
        if field is None:
            raise pickle.UnpicklingError(f"no field {which}")
        return field


def _read(entry: Path, sources: list[Source], find: Callable[[str], Field | None]) -> LoadResult | None:
    try:
        if not _ours(entry.parent.stat()):
            return None
        descriptor = os.open(entry, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            state = os.fstat(file.fileno())
            if not _ours(state) or not stat.S_ISREG(state.st_mode) or state.st_size > _MAX_BYTES:
                return None
            content = file.read()
        rules, macros, lists, verdicts, engine, plugins = _Unpickler(io.BytesIO(content), sources, find).load()
    except (OSError, pickle.UnpicklingError, ValueError, TypeError, KeyError, EOFError, AttributeError, IndexError):
        return None
    return LoadResult(rules, macros, lists, verdicts, engine, plugins)


def _ours(state: os.stat_result) -> bool:
    """Say whether only this user can write there."""
    return state.st_uid == os.geteuid() and not state.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _write(entry: Path, loaded: LoadResult, sources: list[Source]) -> None:
    buffer = io.BytesIO()
    parts = (
        loaded.rules,
        loaded.macros,
        loaded.lists,
        loaded.verdicts,
        loaded.engine_version,
        loaded.plugin_versions,
    )
    try:
        _Pickler(buffer, sources).dump(parts)
        entry.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _ours(entry.parent.stat()):
            return
        with tempfile.NamedTemporaryFile(dir=entry.parent, delete=False) as file:  # mode 0600
            file.write(buffer.getbuffer())
        os.replace(file.name, entry)
        _prune(entry.parent)
    except (OSError, pickle.PicklingError, RecursionError, KeyError):
        return


def _prune(cache: Path) -> None:
    entries = sorted(cache.iterdir(), key=lambda path: path.stat().st_mtime_ns, reverse=True)
    for old in entries[_KEEP:]:
        old.unlink(missing_ok=True)
