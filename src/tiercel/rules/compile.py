"""Turns collected definitions into rules ready to run.

The whole collection is compiled after every file, as Falco does; conditions whose text did not change are parsed once.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from tiercel.fields.model import Field
from tiercel.rules.collector import Collector, RuleInfo
from tiercel.rules.condition import (
    Compiled,
    ConditionCompiler,
    ConditionError,
    ConditionLists,
    ListDefinition,
    Macros,
)
from tiercel.rules.condition_text import ConditionText, ConditionWarning
from tiercel.rules.event_types import event_types, too_many_types
from tiercel.rules.exceptions import with_exceptions
from tiercel.rules.extra_output import ExtraOutput
from tiercel.rules.model import Macro, Rule, RuleException, RuleList
from tiercel.rules.notes import Notes
from tiercel.rules.output_template import Template, parse_template
from tiercel.rules.parse_tree import Parsed
from tiercel.rules.surprises import Surprises
from tiercel.rules.syntax import Span
from tiercel.rules.typing_check import DEPRECATED_FIELDS
from tiercel.rules.typing_constants import Constants
from tiercel.rules.verdict import MAX_ERRORS, Context, ErrorCode, LoadError, Problem, Verdict, WarningCode
from tiercel.rules.written import Written

_HINT = re.compile(r" \((did you mean .*)\)\Z", re.DOTALL)
_FIELD = re.compile(r"[a-z0-9_.]+")
_NO_EVENT_TYPE = "Rule matches too many evt.type values. This has a significant performance penalty."
_NO_EVENT = "never holds: the comparisons with evt.type leave no event type that fits them all"
_NO_EVENT_HINT = "join event types with or, or write evt.type in (…)"
_CONTAINER_INFO = "%container.info"
_CONTAINER_INFO_DEPRECATED = (
    "%container.info is deprecated and no more useful, and will be dropped by Falco 1.0.0. The container plugin will "
    "automatically add required fields to the output message."
)


@dataclass(slots=True)
class Compilation:
    """What compiling came to. ``parsed`` and ``macro_parsed`` have lists and macros put in."""

    rules: list[Rule] = field(default_factory=list)
    macros: list[Macro] = field(default_factory=list)
    lists: list[RuleList] = field(default_factory=list)
    parsed: dict[str, Parsed] = field(default_factory=dict)
    macro_parsed: dict[str, Parsed] = field(default_factory=dict)
    complete: bool = False  # every rule of a loaded source compiled or was skipped as it asked


@dataclass(slots=True)
class _Known:
    """A rule compiled before: good as long as the rule and the lists and macros in its text stay as they are."""

    info: RuleInfo
    visibility: int
    written: Written
    raw: Parsed | None = None
    rule: Rule | None = None
    parsed: Parsed | None = None
    warnings: list[Problem] = field(default_factory=list)


class Compiler:
    """Compiles a collector's definitions, as often as needed.

    Args:
        collector: the definitions.
        strict: only what Falco knows; stop at the first error.
        extra: what the configuration adds to outputs.
        find: looks a field up by name.
    """

    def __init__(
        self, collector: Collector, strict: bool, extra: ExtraOutput, find: Callable[[str], Field | None]
    ) -> None:
        self.collector = collector
        self.strict = strict
        self.extra = extra
        self.find = find
        self.notes = Notes(find)
        self.lists = ConditionLists()
        self.constants = Constants()
        self._parsed: dict[int, tuple[Written, ConditionText, Parsed]] = {}
        self.known: dict[str, _Known] = {}
        self.macro_state: dict[str, str] = {}

    def compile(self, verdict: Verdict) -> Compilation:
        """Compile everything, reporting into the verdict of the file read last."""
        run = _Run(self, verdict)
        try:
            run.all()
        except LoadError as error:
            verdict.errors.append(error.problem)
        return run.result

    def parse(self, written: Written, lists: ConditionLists) -> Parsed:
        text = lists.insert(written.text, written.locate)
        known = self._parsed.get(id(written))
        if known is not None and known[1].text == text.text and known[1].long == text.long:
            return known[2]
        parsed = lists.parse(text, written.locate)
        self._parsed[id(written)] = (written, text, parsed)
        return parsed


class _Run:
    """One compilation."""

    def __init__(self, compiler: Compiler, verdict: Verdict) -> None:
        self.compiler = compiler
        self.collector = compiler.collector
        self.verdict = verdict
        self.result = Compilation()
        definitions = (
            ListDefinition(info.name, tuple(info.items), info.index, info.visibility)
            for info in self.collector.lists.values()
        )
        self.lists = compiler.lists = ConditionLists(definitions, compiler.lists)
        compiler.constants.begin()
        self.macros = Macros()
        self.conditions = ConditionCompiler(
            self.macros, compiler.strict, find=compiler.find, constants=compiler.constants
        )
        self.surprises = Surprises(self.collector.lists.keys())
        self.changed: set[str] = set()
        self.parsed_macros: dict[str, Parsed] = {}
        self.broken: set[str] = set()
        self.reported: set[tuple[int, int, str]] = set()

    def all(self) -> None:
        self._macros()
        for info in self.collector.rules.values():
            if info.unknown_source:
                continue
            try:
                self._rule(info)
            except LoadError as error:
                self._stop(error)
        self.result.complete = not self.verdict.errors
        self._tables()
        if self.result.complete:
            self._unused()

    def _stop(self, error: LoadError) -> None:
        if self.compiler.strict or len(self.verdict.errors) >= MAX_ERRORS:
            raise error
        self.verdict.errors.append(error.problem)

    def _macros(self) -> None:
        for info in self.collector.macros.values():
            try:
                parsed = self.compiler.parse(info.condition, self.lists)
            except ConditionError as error:
                self.broken.add(info.name)
                self._stop(self._parse_error(error, info.condition_context))
            else:
                self.parsed_macros[info.name] = parsed
                self.macros.define(info.name, parsed, info.index, info.visibility)
        self._compare_macros()
        for info in self.collector.macros.values():
            if info.name in self.broken:
                continue
            try:
                self.result.macro_parsed[info.name] = self.macros.resolved(info.name)
            except ConditionError as error:
                problem = self._macro_error(error, info.condition.text, info.context)
                if problem is not None:
                    self._stop(problem)
        if not self.compiler.strict:
            for info in self.collector.macros.values():
                parsed_macro = self.parsed_macros.get(info.name)
                if parsed_macro is not None and info.context.source is self.verdict.source:
                    self._note(info.context, info.condition_context, (info.condition,), parsed_macro)

    def _compare_macros(self) -> None:
        """Find the macros that say something else than in the run before, be it through other macros."""
        state = {name: parsed.text.text for name, parsed in self.parsed_macros.items()}
        before, self.compiler.macro_state = self.compiler.macro_state, state
        users: dict[str, list[str]] = {}
        for name, parsed in self.parsed_macros.items():
            for identifier in parsed.identifiers:
                users.setdefault(identifier.name, []).append(name)
        waiting = [name for name in state.keys() | before.keys() if state.get(name) != before.get(name)]
        while waiting:
            name = waiting.pop()
            if name not in self.changed:
                self.changed.add(name)
                waiting.extend(users.get(name, ()))

    # Rules

    def _rule(self, info: RuleInfo) -> None:
        known = self.compiler.known.get(info.name)
        if known is None or known.info is not info or known.visibility != info.visibility:
            written = with_exceptions(info.condition, info.exceptions) if info.exceptions else info.condition
            known = self.compiler.known[info.name] = _Known(info, info.visibility, written)
        if known.rule is None or not self._same(known):
            before = len(self.verdict.warnings)
            self._compile(info, known)
            known.warnings = self.verdict.warnings[before:]
        else:
            self.verdict.warnings.extend(warning for warning in known.warnings if not warning.own)
            if known.raw is not None:
                self.macros.used.update(identifier.name for identifier in known.raw.identifiers)
        if known.rule is not None and known.parsed is not None:
            self.result.rules.append(replace(known.rule, index=len(self.result.rules), enabled=info.enabled))
            self.result.parsed[info.name] = known.parsed

    def _same(self, known: _Known) -> bool:
        if known.raw is None or any(identifier.name in self.changed for identifier in known.raw.identifiers):
            return False
        try:
            return self.compiler.parse(known.written, self.lists) is known.raw
        except ConditionError:
            return False

    def _compile(self, info: RuleInfo, known: _Known) -> None:
        known.rule = None
        output: Template | None = None
        fields: dict[str, tuple[Template, bool]] = {}
        try:
            template = self._output(info)
            if template is None:
                return
            output, fields = template, self._output_fields(info)
        except LoadError as error:
            self._stop(error)
        compiled = self._condition(info, known)
        if compiled is None or output is None:
            return
        node = compiled.node
        if info.warn_evttypes and too_many_types(node):
            hint = "start the condition with evt.type, for example evt.type in (execve, execveat)"
            at = info.condition_context.span
            self.verdict.warn(WarningCode.NO_EVTTYPE, _NO_EVENT_TYPE, info.context, at, hint)
        if not self.compiler.strict and known.raw is not None:
            self._note(info.context, info.condition_context, (info.condition, info.output), known.raw)
            if not event_types(node, asynchronous=False):
                self.verdict.warn(WarningCode.OWN_SURPRISE, _NO_EVENT, info.condition_context, None, _NO_EVENT_HINT)
        known.parsed = compiled.parsed
        known.rule = Rule(
            name=info.name,
            desc=info.desc,
            condition=node,
            condition_text=info.condition.text,
            output=output,
            output_text=info.output.text,
            priority=info.priority,
            tags=tuple(sorted(info.tags)),
            source=info.source,
            event_types=event_types(node),
            where=info.context.span,
            index=0,
            output_fields=fields,
            exceptions=tuple(
                RuleException(one.name, tuple(one.fields.texts()), tuple(one.comps.texts())) for one in info.exceptions
            ),
            capture=info.capture,
            capture_duration=info.capture_duration,
            warn_evttypes=info.warn_evttypes,
        )

    def _note(self, context: Context, condition: Context, texts: tuple[Written, ...], parsed: Parsed) -> None:
        self.compiler.notes.note(context, condition, texts, parsed, self.surprises, self.verdict)

    def _output(self, info: RuleInfo) -> Template | None:
        """Return the output with everything appended; None when the rule asks to be skipped."""
        extra = self.compiler.extra
        text = " ".join((info.output.text, *extra.formats(info.name, info.source, info.tags)))
        if _CONTAINER_INFO in text:
            hint = "remove it"
            self.verdict.warn(
                WarningCode.DEPRECATED_ITEM, _CONTAINER_INFO_DEPRECATED, info.context, info.output_context.span, hint
            )
            text = text.replace(_CONTAINER_INFO, "")
        try:
            template = self._template(text, info.output)
        except ConditionError as error:
            message, hint = _split(error.message)
            at = _narrow(error)
            if error.unknown and info.skip_if_unknown_filter:
                self.verdict.warn(WarningCode.UNKNOWN_FILTER, message, info.output_context, at, hint)
                return None
            raise _problem(ErrorCode.COMPILE_OUTPUT, message, info.output_context, at, hint) from error
        self._deprecated_in_output(text, info)
        return template

    def _output_fields(self, info: RuleInfo) -> dict[str, tuple[Template, bool]]:
        fields: dict[str, tuple[Template, bool]] = {}
        for name, format, raw in self.compiler.extra.fields(info.name, info.source, info.tags):
            try:
                fields[name] = (self._template(format, None), raw)
            except ConditionError as error:
                message, hint = _split(error.message)
                message = f"{message} (in append_output, field {name})"
                raise _problem(ErrorCode.COMPILE_OUTPUT, message, info.output_context, None, hint) from error
            self._deprecated_in_output(format, info)
        return fields

    def _template(self, text: str, written: Written | None) -> Template:
        return parse_template(text, self.conditions.typing, written.locate if written else None)

    def _deprecated_in_output(self, text: str, info: RuleInfo) -> None:
        for name in DEPRECATED_FIELDS:
            if name in text:
                message = f"usage of deprecated field '{name}' has been detected in the rule output"
                self.verdict.warn(
                    WarningCode.DEPRECATED_ITEM, message, info.output_context, None, f"remove {name}", name
                )

    def _condition(self, info: RuleInfo, known: _Known) -> Compiled | None:
        written = known.written
        try:
            parsed = known.raw = self.compiler.parse(written, self.lists)
        except ConditionError as error:
            raise self._parse_error(error, info.condition_context) from error
        try:
            compiled = self.conditions.compile(parsed)
        except ConditionError as error:
            if error.code == ErrorCode.VALIDATE:
                problem = self._macro_error(error, written.text, info.context)
                if problem is not None:
                    raise problem from error
                return None
            message, hint = _split(error.message)
            context = _expression(info.condition_context, written.text, error.text, error.at)
            if error.unknown and info.skip_if_unknown_filter:
                self.verdict.warn(WarningCode.UNKNOWN_FILTER, message, context, _narrow(error), hint)
                return None
            raise _problem(ErrorCode.COMPILE_CONDITION, message, context, _narrow(error), hint) from error
        for warning in compiled.warnings:
            self._warn(warning, info.condition_context, written.text)
        return compiled

    def _warn(self, warning: ConditionWarning, parent: Context, condition: str) -> None:
        code = WarningCode(warning.code)
        message, hint = _split(warning.message)
        deprecated = ""
        if code is WarningCode.DEPRECATED_ITEM and warning.at is not None:
            found = _FIELD.match(warning.text.text, warning.at)
            deprecated = found[0] if found and found[0] in DEPRECATED_FIELDS else "evt.dir"
        if code is WarningCode.COMPILE_CONDITION and warning.at is not None:
            context = _expression(parent, condition, warning.text, warning.at)
        else:
            context = parent.expression(condition, 0, 0, 0)
        self.verdict.warn(code, message, context, warning.span, hint, deprecated)

    # Errors

    def _parse_error(self, error: ConditionError, parent: Context) -> LoadError:
        message, hint = _split(error.message)
        context = _expression(parent, error.text.text, error.text, error.at)
        return _problem(ErrorCode.COMPILE_CONDITION, message, context, _narrow(error), hint)

    def _macro_error(self, error: ConditionError, condition: str, parent: Context) -> LoadError | None:
        """Return the error for a macro that is undefined or loops; None when its cause was reported already."""
        key = (id(error.text), error.at, error.message)
        if key in self.reported or any(f"'{name}'" in error.message for name in self.broken):
            return None
        self.reported.add(key)
        message, hint = _split(error.message)
        context = _expression(parent, condition, error.text, error.at)
        return _problem(ErrorCode.VALIDATE, message, context, _narrow(error), hint)

    # Macros and lists

    def _tables(self) -> None:
        collector, result = self.collector, self.result
        result.macros = [
            Macro(info.name, info.condition.text, info.name in self.macros.used, info.context.span)
            for info in collector.macros.values()
        ]
        result.lists = [
            RuleList(
                info.name,
                tuple(info.items),
                self.lists.items[info.name],
                info.name in self.lists.used,
                info.context.span,
            )
            for info in collector.lists.values()
        ]

    def _unused(self) -> None:
        for macro in self.result.macros:
            if not macro.used:
                context = self.collector.macros[macro.name].context
                self.verdict.warn(WarningCode.UNUSED_MACRO, "Macro not referred to by any other rule/macro", context)
        for known in self.result.lists:
            if not known.used:
                context = self.collector.lists[known.name].context
                self.verdict.warn(WarningCode.UNUSED_LIST, "List not referred to by any other rule/macro", context)


def _problem(code: ErrorCode, message: str, context: Context, at: Span | None, hint: str) -> LoadError:
    return LoadError(Problem(code, message, context, at or context.span, hint))


def _split(message: str) -> tuple[str, str]:
    """Part a message from the suggestion at its end."""
    found = _HINT.search(message)
    return (message[: found.start()], found[1]) if found else (message, "")


def _expression(parent: Context, condition: str, text: ConditionText, at: int) -> Context:
    """Return the location in a condition as Falco counts it: in the text with the lists put in."""
    return parent.expression(condition, *text.parsed_position(at))


def _narrow(error: ConditionError) -> Span:
    """Return where an error was typed, as long as the word that stands there."""
    at = error.span
    found = _WORD.match(error.text.text, error.focus)
    return Span(at.file, at.line, at.column, max(len(found[0]) if found else 1, 1))


_WORD = re.compile(r"%?[\w.\-/]+|[<>=!]+")
