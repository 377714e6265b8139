"""Loads rules files, one after the other, into one set of rules.

``strict`` is Falco 0.44's behaviour to the letter. Otherwise also what people write after tutorials loads, with
warnings of tiercel's own; every error of a file is reported, not only the first.
"""

from __future__ import annotations

import difflib
import errno
import gc
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from tiercel.fields.model import Field
from tiercel.rules.collector import Collector
from tiercel.rules.compile import Compilation, Compiler
from tiercel.rules.condition import ConditionCompiler, ConditionError, parse
from tiercel.rules.extra_output import ExtraOutput
from tiercel.rules.model import Macro, Rule, RuleList
from tiercel.rules.reader import read
from tiercel.rules.typing_fields import catalogue_find
from tiercel.rules.verdict import Verdict
from tiercel.rules.versions import Requirement, Version, unmet
from tiercel.rules.yaml_source import Source

_MAX_HINTS = 100  # looking for names alike takes long
_MAX_NAMES = 1_000
_SUFFIXES = (".yaml", ".yml")


class RulesFileError(Exception):
    """Rules cannot be loaded at all: a file cannot be read, or a plugin requirement is not met."""


@dataclass(slots=True)
class LoadResult:
    """Loaded rules and the verdict on each file.

    ``rules``, ``macros`` and ``lists`` are in load order; rules hold those that are disabled too. ``compilation`` and
    ``collector`` are what they were made from, absent when they came from the cache.
    """

    rules: list[Rule] = field(default_factory=list)
    macros: list[Macro] = field(default_factory=list)
    lists: list[RuleList] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    engine_version: Version = field(default_factory=lambda: Version(0, 0, 0))
    plugin_versions: list[tuple[Requirement, ...]] = field(default_factory=list)
    unmet: str | None = None
    compilation: Compilation | None = None
    collector: Collector | None = None

    @property
    def successful(self) -> bool:
        return self.unmet is None and all(verdict.successful for verdict in self.verdicts)

    @property
    def exit_code(self) -> int:
        return 0 if self.successful else 1


def load(
    files: Iterable[str | os.PathLike[str] | Source],
    *,
    strict: bool = False,
    extra: ExtraOutput | None = None,
    every_file: bool = True,
    find: Callable[[str], Field | None] = catalogue_find,
) -> LoadResult:
    """Load rules files in the order given.

    Args:
        files: paths of files, or contents with a name. Directories are not expanded: see :func:`expand`.
        strict: accept and refuse exactly what Falco does.
        extra: what the configuration adds to outputs.
        every_file: go on with the next file after one that did not load, to report everything.
        find: looks a field up by name.

    Raises:
        RulesFileError: a file cannot be read.
    """
    sources = [file if isinstance(file, Source) else read_source(file) for file in files]
    extra = extra or ExtraOutput()
    loader = Loader(strict, extra, extra.finder(find))
    with _without_collecting():
        for source in sources:
            verdict = loader.add(source)
            if loader.result.unmet is not None or not (verdict.successful or every_file):
                break
    return loader.result


@contextmanager
def _without_collecting() -> Iterator[None]:
    """Put off the search for garbage: nearly everything made while loading stays, and is many small objects."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class Loader:
    """Loads file after file; what :func:`load` uses."""

    def __init__(self, strict: bool, extra: ExtraOutput, find: Callable[[str], Field | None]) -> None:
        self.strict = strict
        self._conditions = ConditionCompiler(None, strict, find=find)
        self.collector = Collector(self._known_field, self._suggest)
        self._hints = _MAX_HINTS
        self.compiler = Compiler(self.collector, strict, extra, find)
        self.result = LoadResult(compilation=Compilation(), collector=self.collector)

    def add(self, source: Source) -> Verdict:
        """Load one more file on top of the others."""
        verdict = Verdict(source)
        self.result.verdicts.append(verdict)
        right = read(verdict, self.collector, self.strict)
        if right or not self.strict:
            compilation = self.compiler.compile(verdict)
            if compilation.complete or not self.strict:
                self.result.compilation = compilation
                self.result.rules = compilation.rules
                self.result.macros = compilation.macros
                self.result.lists = compilation.lists
        self.result.engine_version = self.collector.engine_version
        self.result.plugin_versions = self.collector.plugin_versions
        self.result.unmet = unmet(self.collector.plugin_versions)
        return verdict

    def _suggest(self, name: str, known: Sequence[str]) -> str:
        if not self._hints:
            return ""
        self._hints -= 1
        return suggest(name, known)

    def _known_field(self, text: str) -> bool:
        if "(" not in text:
            return self._conditions.typing.fields.exists(text)
        try:
            self._conditions.compile(parse(f"{text} exists"))
        except ConditionError:
            return False
        return True


def suggest(name: str, known: Sequence[str]) -> str:
    """Return a hint naming the closest known name, empty when none is close."""
    close = difflib.get_close_matches(name, known[:_MAX_NAMES], 1)
    return f"did you mean '{close[0]}'?" if close else ""


def read_source(path: str | os.PathLike[str]) -> Source:
    """Read a rules file.

    Raises:
        RulesFileError: the file cannot be read.
    """
    name = os.fspath(path)
    try:
        return Source.read(name)
    except IsADirectoryError as error:
        raise RulesFileError(f"{name}: is a directory, not a rules file") from error
    except OSError as error:
        if error.errno == errno.ENOENT:
            raise RulesFileError(f"{name}: no such file") from error
        raise RulesFileError(f"{name}: cannot be read: {error.strerror or error}") from error


def expand(paths: Iterable[str | os.PathLike[str]], yaml_only: bool = False) -> list[str]:
    """Replace directories by the ``.yaml`` and ``.yml`` files in them, sorted by name, as Falco does.

    With ``yaml_only`` files named otherwise are passed over, as Falco does that too.

    Raises:
        RulesFileError: a directory cannot be read.
    """
    found: list[str] = []
    for path in paths:
        name = os.fspath(path)
        if not os.path.isdir(name):
            if not yaml_only or name.endswith(_SUFFIXES):
                found.append(name)
            continue
        try:
            entries = sorted(os.path.join(name, entry) for entry in os.listdir(name))
        except OSError as error:
            raise RulesFileError(f"{name}: cannot be read: {error.strerror or error}") from error
        found.extend(entry for entry in entries if entry.endswith(_SUFFIXES) and os.path.isfile(entry))
    return found
