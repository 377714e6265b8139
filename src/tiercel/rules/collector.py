"""Collects rules, macros and lists from file after file: definitions, appends, replacements.

A second definition takes the place of the first in the order. An append or a change keeps the place too but moves the
*visibility* on: a macro sees the macros that come before its last change.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tiercel.rules.exceptions import ExceptionInfo, complete
from tiercel.rules.model import Priority
from tiercel.rules.syntax import Span
from tiercel.rules.verdict import Context, ErrorCode, LoadError, Problem, Verdict, WarningCode
from tiercel.rules.versions import ENGINE, Requirement, Version
from tiercel.rules.written import Written

KNOWN_SOURCES = frozenset(("syscall",))
MAX_ITEMS = 10_000  # rules, macros and lists together
MAX_EXCEPTIONS = 1_000  # of one rule


@dataclass(slots=True)
class ListInfo:
    context: Context
    name: str
    items: list[str]
    index: int = 0
    visibility: int = 0


@dataclass(slots=True)
class MacroInfo:
    context: Context
    condition_context: Context
    name: str
    condition: Written
    index: int = 0
    visibility: int = 0


@dataclass(slots=True)
class RuleInfo:
    context: Context
    condition_context: Context
    output_context: Context
    name: str
    condition: Written
    output: Written
    desc: str
    priority: Priority
    source: str = "syscall"
    tags: set[str] = field(default_factory=set)
    exceptions: list[ExceptionInfo] = field(default_factory=list)
    enabled: bool = True
    capture: bool = False
    capture_duration: int = 0
    warn_evttypes: bool = True
    skip_if_unknown_filter: bool = False
    unknown_source: bool = False
    index: int = 0
    visibility: int = 0


@dataclass(slots=True)
class RuleUpdate:
    """What an append or a replacement brings; None for what it leaves alone."""

    context: Context
    name: str
    source: str = ""
    condition: Written | None = None
    output: Written | None = None
    desc: str | None = None
    tags: set[str] | None = None
    exceptions: list[ExceptionInfo] | None = None
    priority: Priority | None = None
    capture: bool | None = None
    capture_duration: int | None = None
    enabled: bool | None = None
    warn_evttypes: bool | None = None
    skip_if_unknown_filter: bool | None = None

    @property
    def empty(self) -> bool:
        return all(getattr(self, key) is None for key in _UPDATABLE)


_UPDATABLE = tuple(key for key in RuleUpdate.__slots__ if key not in ("context", "name", "source"))


class Collector:
    """The definitions met so far.

    Args:
        known_field: whether a text is a field, or a transformer over one, that can be compared.
        suggest: gives a hint for a name that does not exist, from the names that do.
    """

    def __init__(self, known_field: Callable[[str], bool], suggest: Callable[[str, list[str]], str]) -> None:
        self.known_field = known_field
        self.suggest = suggest
        self.lists: dict[str, ListInfo] = {}
        self.macros: dict[str, MacroInfo] = {}
        self.rules: dict[str, RuleInfo] = {}
        self.engine_version = Version(0, 0, 0)
        self.plugin_versions: list[tuple[Requirement, ...]] = []
        self._next = 0

    def _room(self, context: Context) -> None:
        if len(self.rules) + len(self.macros) + len(self.lists) >= MAX_ITEMS:
            raise _fail(f"more than {MAX_ITEMS} rules, macros and lists", context)

    def _count(self) -> int:
        self._next += 1
        return self._next - 1

    def require_engine(self, version: Version, context: Context) -> None:
        if not ENGINE.satisfies(version):
            raise _fail(f"Rules require engine version {version}, but engine version is {ENGINE}", context)
        self.engine_version = max(self.engine_version, version)

    def require_plugin(self, alternatives: tuple[Requirement, ...], context: Context) -> None:
        names: set[str] = set()
        for wanted in alternatives:
            if Version.parse(wanted.version) is None:
                message = f"Invalid required version '{wanted.version}' for plugin '{wanted.plugin}'"
                raise _fail(message, context, "write it as x.y.z")
            if wanted.plugin in names:
                message = f"Defined multiple alternative version requirements for plugin '{wanted.plugin}'"
                raise _fail(message, context)
            names.add(wanted.plugin)
        self.plugin_versions.append(alternatives)

    def define_list(self, info: ListInfo) -> None:
        info.index = info.visibility = self._count()
        earlier = self.lists.get(info.name)
        if earlier is not None:
            info.index = earlier.index
        else:
            self._room(info.context)
        self.lists[info.name] = info

    def append_list(self, info: ListInfo) -> None:
        earlier = self.lists.get(info.name)
        if earlier is None:
            message = "List uses 'append' or 'override.items: append' but no list by that name already exists"
            raise _fail(message, info.context, self.suggest(info.name, list(self.lists)))
        earlier.items.extend(info.items)
        earlier.visibility = self._count()

    def define_macro(self, info: MacroInfo) -> None:
        info.index = info.visibility = self._count()
        earlier = self.macros.get(info.name)
        if earlier is not None:
            info.index = earlier.index
        else:
            self._room(info.context)
        self.macros[info.name] = info

    def append_macro(self, info: MacroInfo) -> None:
        earlier = self.macros.get(info.name)
        if earlier is None:
            message = "Macro uses 'append' or 'override.condition: append' but no macro by that name already exists"
            raise _fail(message, info.context, self.suggest(info.name, list(self.macros)))
        earlier.condition.append(info.condition)
        earlier.visibility = self._count()

    def define_rule(self, info: RuleInfo, verdict: Verdict) -> None:
        self._earlier(info.name, info.source, info.context)
        info.unknown_source = info.source not in KNOWN_SOURCES
        if info.unknown_source:
            message = f"Unknown source {info.source}, skipping"
            verdict.warn(
                WarningCode.UNKNOWN_SOURCE, message, info.context, None, self.suggest(info.source, [*KNOWN_SOURCES])
            )
        for exception in info.exceptions:
            if not exception.fields.valid:
                message = "Rule exception item must have fields property with a list of fields"
                raise _fail(message, exception.context)
            complete(exception, None if info.unknown_source else self.known_field)
        info.index = info.visibility = self._count()
        earlier = self.rules.get(info.name)
        if earlier is not None:
            info.index = earlier.index
        else:
            self._room(info.context)
        self.rules[info.name] = info

    def append_rule(self, update: RuleUpdate) -> None:
        rule = self._earlier(update.name, update.source, update.context)
        if rule is None:
            message = "Rule uses 'append' or 'override.<key>: append' but no rule by that name already exists"
            raise _fail(message, update.context, self.suggest(update.name, list(self.rules)))
        if update.empty:
            raise _fail("Appended rule must have exceptions or condition property", update.context)
        if update.condition is not None and update.condition.text:
            rule.condition.append(update.condition)
        if update.output is not None and update.output.text:
            rule.output.append(update.output)
        if update.desc:
            rule.desc = f"{rule.desc} {update.desc}"
        if update.tags is not None:
            rule.tags |= update.tags
        for exception in update.exceptions or ():
            self._append_exception(rule, exception)
        rule.visibility = self._count()

    def _append_exception(self, rule: RuleInfo, exception: ExceptionInfo) -> None:
        earlier = next((known for known in rule.exceptions if known.name == exception.name), None)
        if earlier is not None:
            for entry, what in ((exception.fields, "fields"), (exception.comps, "comps")):
                if entry.valid:
                    message = f"Can not append exception {what} to existing exception, only values"
                    raise _fail(message, exception.context)
            earlier.values.extend(exception.values)
            return
        if not exception.fields.valid:
            message = "Rule exception must have fields property with a list of fields"
            names = [known.name for known in rule.exceptions]
            raise _fail(message, exception.context, self.suggest(exception.name, names))
        if not exception.values:
            raise _fail("Rule exception must have values property with a list of values", exception.context)
        complete(exception, None if rule.unknown_source else self.known_field)
        if len(rule.exceptions) >= MAX_EXCEPTIONS:
            raise _fail(f"more than {MAX_EXCEPTIONS} exceptions", exception.context)
        rule.exceptions.append(exception)

    def replace_rule(self, update: RuleUpdate) -> None:
        rule = self._earlier(update.name, update.source, update.context)
        if rule is None:
            message = "An 'override.<key>: replace' to a rule was requested but no rule by that name already exists"
            raise _fail(message, update.context, self.suggest(update.name, list(self.rules)))
        if update.empty:
            raise _fail("The rule must have at least one field that can be replaced", update.context)
        for key in _UPDATABLE:
            value = getattr(update, key)
            if value is not None:
                setattr(rule, key, value)
        rule.visibility = self._count()

    def enable_rule(self, name: str, enabled: bool, context: Context) -> None:
        rule = self.rules.get(name)
        if rule is None:
            message = "Rule has 'enabled' key but no rule by that name already exists"
            raise _fail(message, context, self.suggest(name, list(self.rules)))
        rule.enabled = enabled

    def _earlier(self, name: str, source: str, context: Context) -> RuleInfo | None:
        rule = self.rules.get(name)
        if rule is not None and rule.source and source and rule.source != source:
            raise _fail("Rule has been re-defined with a different source", context)
        return rule


def _fail(message: str, context: Context, hint: str = "", at: Span | None = None) -> LoadError:
    return LoadError(Problem(ErrorCode.VALIDATE, message, context, at or context.span, hint))
