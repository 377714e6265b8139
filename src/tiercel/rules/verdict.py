"""What loading a rules file came to: errors and warnings with Falco's codes, and where they stand.

The JSON has the keys of ``falco -V``; ours are under ``tiercel``. Falco counts lines and columns from 0, in bytes, and
the place of something in a condition from the start of the condition; a :class:`Span` says where it was typed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tiercel.rules.syntax import Span
from tiercel.rules.yaml_source import Source, Value

SNIPPET_WIDTH = 160
_FOUND = re.compile(r", found '.*'\Z", re.DOTALL)
MAX_ERRORS = 100  # after so many the rest of a file is given up


class Item(StrEnum):
    """What a location is about, in Falco's words."""

    VALUE = "value for"
    EXCEPTIONS = "exceptions"
    EXCEPTION = "exception"
    EXCEPTION_VALUES = "exception values"
    EXCEPTION_VALUE = "exception value"
    CONTENT = "rules content"
    CONTENT_ITEM = "rules content item"
    ENGINE_VERSION = "required_engine_version"
    PLUGIN_VERSIONS = "required plugin versions"
    PLUGIN_VERSION = "required plugin versions entry"
    PLUGIN_ALTERNATIVE = "required plugin versions alternative"
    LIST = "list"
    LIST_ITEM = "list item"
    MACRO = "macro"
    MACRO_CONDITION = "macro condition"
    RULE = "rule"
    RULE_CONDITION = "rule condition"
    CONDITION = "condition expression"
    RULE_OUTPUT = "rule output"
    RULE_PRIORITY = "rule priority"
    OVERRIDE = "overrides"


_NAMED = frozenset((Item.RULE, Item.MACRO, Item.LIST))


class ErrorCode(StrEnum):
    FILE_READ = "LOAD_ERR_FILE_READ"
    YAML_PARSE = "LOAD_ERR_YAML_PARSE"
    YAML_VALIDATE = "LOAD_ERR_YAML_VALIDATE"
    COMPILE_CONDITION = "LOAD_ERR_COMPILE_CONDITION"
    COMPILE_OUTPUT = "LOAD_ERR_COMPILE_OUTPUT"
    VALIDATE = "LOAD_ERR_VALIDATE"


class WarningCode(StrEnum):
    """Falco's warnings, and tiercel's own, which strict loading never gives."""

    UNKNOWN_SOURCE = "LOAD_UNKNOWN_SOURCE"
    UNSAFE_NA_CHECK = "LOAD_UNSAFE_NA_CHECK"
    NO_EVTTYPE = "LOAD_NO_EVTTYPE"
    UNKNOWN_FILTER = "LOAD_UNKNOWN_FILTER"
    UNUSED_MACRO = "LOAD_UNUSED_MACRO"
    UNUSED_LIST = "LOAD_UNUSED_LIST"
    UNKNOWN_ITEM = "LOAD_UNKNOWN_ITEM"
    DEPRECATED_ITEM = "LOAD_DEPRECATED_ITEM"
    APPEND_NO_VALUES = "LOAD_APPEND_NO_VALUES"
    EXCEPTION_NAME_NOT_UNIQUE = "LOAD_EXCEPTION_NAME_NOT_UNIQUE"
    INVALID_MACRO_NAME = "LOAD_INVALID_MACRO_NAME"
    INVALID_LIST_NAME = "LOAD_INVALID_LIST_NAME"
    COMPILE_CONDITION = "LOAD_COMPILE_CONDITION"
    UNKNOWN_KEY = "LOAD_UNKNOWN_KEY"
    OWN_APPEND_DEFINES = "TIERCEL_APPEND_DEFINES"
    OWN_FIELD = "TIERCEL_OWN_FIELD"
    OWN_SURPRISE = "TIERCEL_SURPRISE"

    @property
    def own(self) -> bool:
        return self.value.startswith("TIERCEL_")


_LABELS: dict[ErrorCode | WarningCode, str] = {
    ErrorCode.FILE_READ: "File read error",
    ErrorCode.YAML_PARSE: "YAML parse error",
    ErrorCode.YAML_VALIDATE: "Error validating internal structure of YAML file",
    ErrorCode.COMPILE_CONDITION: "Error compiling condition",
    ErrorCode.COMPILE_OUTPUT: "Error compiling output",
    ErrorCode.VALIDATE: "Error validating rule/macro/list/exception objects",
    WarningCode.UNKNOWN_SOURCE: "Unknown event source",
    WarningCode.UNSAFE_NA_CHECK: "Unsafe <NA> comparison in condition",
    WarningCode.NO_EVTTYPE: "Condition has no event-type restriction",
    WarningCode.UNKNOWN_FILTER: "Unknown field or event-type in condition or output",
    WarningCode.UNUSED_MACRO: "Unused macro",
    WarningCode.UNUSED_LIST: "Unused list",
    WarningCode.UNKNOWN_ITEM: "Unknown rules file item",
    WarningCode.DEPRECATED_ITEM: "Used deprecated item",
    WarningCode.APPEND_NO_VALUES: "Overriding/appending with no values",
    WarningCode.EXCEPTION_NAME_NOT_UNIQUE: "Multiple exceptions defined with the same name",
    WarningCode.INVALID_MACRO_NAME: "Invalid macro name",
    WarningCode.INVALID_LIST_NAME: "Invalid list name",
    WarningCode.COMPILE_CONDITION: "Warning in rule condition",
    WarningCode.UNKNOWN_KEY: "Unknown key in item definition",
    WarningCode.OWN_APPEND_DEFINES: "Rule to append to does not exist",
    WarningCode.OWN_FIELD: "Field unknown to Falco",
    WarningCode.OWN_SURPRISE: "Condition may not mean what it seems to",
}

_MEANINGS: dict[WarningCode, str] = {
    WarningCode.UNKNOWN_SOURCE: "The rule is for an event source that is not loaded. It is skipped.",
    WarningCode.UNSAFE_NA_CHECK: "The text <NA> stands for no value only in output. Use 'exists' instead.",
    WarningCode.NO_EVTTYPE: "The rule is evaluated on very many event types and slows everything down. Name evt.type.",
    WarningCode.UNKNOWN_FILTER: "The rule uses a field or event type that does not exist. It is skipped, as it asks.",
    WarningCode.UNUSED_MACRO: "No rule and no macro uses this macro.",
    WarningCode.UNUSED_LIST: "No rule, macro or list uses this list.",
    WarningCode.UNKNOWN_ITEM: "The item is no rule, macro, list or requirement. It is skipped.",
    WarningCode.DEPRECATED_ITEM: "Something deprecated is used.",
    WarningCode.APPEND_NO_VALUES: "An exception is appended to but brings no values.",
    WarningCode.EXCEPTION_NAME_NOT_UNIQUE: "A rule has two exceptions of one name.",
    WarningCode.INVALID_MACRO_NAME: "Conditions cannot refer to a macro of this name.",
    WarningCode.INVALID_LIST_NAME: "Conditions cannot refer to a list of this name.",
    WarningCode.COMPILE_CONDITION: "The condition was understood, but something in it is doubtful.",
    WarningCode.UNKNOWN_KEY: "The key is misspelt or belongs to another kind of item. It is ignored.",
    WarningCode.OWN_APPEND_DEFINES: "Falco refuses to append to a rule that was not defined. Here the item defines it.",
    WarningCode.OWN_FIELD: "The field is tiercel's own. Falco refuses rules that use it.",
    WarningCode.OWN_SURPRISE: "The condition means the same here as in Falco, but that may surprise.",
}


@dataclass(frozen=True, slots=True)
class Context:
    """A location and, through ``parent``, the ones it is in.

    ``line`` and ``column`` count from 0, the column in characters. A location in a condition has ``condition`` and its
    own ``offset``; its name is then the start of that condition.
    """

    source: Source
    item: Item = Item.CONTENT
    name: str = ""
    line: int = 0
    column: int = 0
    parent: Context | None = None
    condition: str = ""
    offset: int = -1

    def child(self, value: Value, item: Item, name: str = "") -> Context:
        return Context(self.source, item, name, value.line, value.column, self)

    def expression(self, condition: str, index: int, line: int, column: int) -> Context:
        """Return the location of a place in a condition, counted as Falco's parser does (all 0: the whole of it)."""
        offset, own_column = self._position()
        return Context(
            self.source, Item.CONDITION, "", line + self.line, column + own_column, self, condition, index + offset
        )

    def chain(self) -> list[Context]:
        found: list[Context] = []
        at: Context | None = self
        while at is not None:
            found.append(at)
            at = at.parent
        return found[::-1]

    def place_name(self) -> str:
        if not self.condition:
            return self.source.name
        short = self.condition if len(self.condition.encode()) <= 20 else _cut(self.condition, 17) + "..."
        return '"' + short.replace("\n", " ").replace("\r", " ") + '"'

    def _position(self) -> tuple[int, int]:
        if self.offset >= 0 and self.condition:
            return self.offset, self.column
        return self.source.offset(self.line, self.column)

    def as_json(self) -> dict[str, Any]:
        offset, column = self._position()
        return {
            "item_type": str(self.item),
            "item_name": self.name,
            "position": {"name": self.place_name(), "line": self.line, "column": column, "offset": offset},
        }

    def as_text(self) -> str:
        named = f"{self.item} '{self.name}'" if self.name else str(self.item)
        return f"{named}: ({self.place_name()}:{self.line}:{self._position()[1]})"

    def snippet(self) -> str:
        """Return the line of the last location with a caret under it, as Falco cuts it."""
        content = self.condition.encode() if self.condition else self.source.content
        if not content:
            return "<No context available>\n"
        return _snippet(content, self._position()[0])

    @property
    def span(self) -> Span:
        """Where it was typed: the name of a rule, macro or list where that stands in the item's first line."""
        if self.name and self.item in _NAMED:
            at = self.source.line(self.line).find(self.name, self.column)
            if at >= 0:
                return Span(self.source.name, self.line + 1, at + 1, len(self.name))
        return Span(self.source.name, self.line + 1, self.column + 1, 1)


def _cut(text: str, width: int) -> str:
    return text.encode()[:width].decode("utf-8", "replace")


def _snippet(content: bytes, offset: int, width: int = SNIPPET_WIDTH) -> str:
    half, newline = width // 2, ord("\n")
    at = min(offset, len(content) - 1)  # Falco counts on from the condition's place in the file
    while at > 0 and content[at] == newline:
        at -= 1
    start = at
    while start > 0 and content[start] != newline and at - start < half:
        start -= 1
    end = at
    while end < len(content) - 1 and content[end] != newline and end - at < half:
        end += 1
    if content[start] == newline:
        start += 1
    if content[end] == newline:
        end -= 1
    cut = content[start : end + 1]
    if not cut:
        return "<No context available>\n"
    if at - start >= half:
        cut = b"..." + cut[3:]
    if end - at >= half:
        cut = cut[:-3] + b"..."
    text = cut.decode("utf-8", "replace") + "\n"
    if 0 <= at - start <= len(cut):
        text += " " * (at - start) + "^\n"
    return text


@dataclass(frozen=True, slots=True)
class Problem:
    """An error or a warning. ``at`` is where it was typed, ``hint`` what to do about it."""

    code: ErrorCode | WarningCode
    message: str
    context: Context
    at: Span
    hint: str = ""
    deprecated_field: str = ""

    @property
    def own(self) -> bool:
        """Whether it is a note of tiercel's own, unknown to Falco."""
        return isinstance(self.code, WarningCode) and self.code.own

    @property
    def label(self) -> str:
        label = _LABELS[self.code]
        return f"{label}: field '{self.deprecated_field}'" if self.deprecated_field else label

    @property
    def falco_message(self) -> str:
        """The message without what Falco leaves unsaid: which word it did not expect."""
        return _FOUND.sub("", self.message) if self.message.startswith("unexpected token") else self.message

    def as_json(self) -> dict[str, Any]:
        made: dict[str, Any] = {
            "code": str(self.code),
            "codedesc": _MEANINGS[self.code] if isinstance(self.code, WarningCode) else _LABELS[self.code],
            "context": {
                "locations": [place.as_json() for place in self.context.chain()],
                "snippet": self.context.snippet(),
            },
            "message": self.falco_message,
        }
        if self.deprecated_field:
            made["deprecated_field"] = self.deprecated_field
        at = self.at
        own: dict[str, Any] = {"file": at.file, "line": at.line, "column": at.column, "length": at.length}
        if self.hint:
            own["suggestion"] = self.hint
        made["tiercel"] = own
        return made


class LoadError(Exception):
    """Stops the reading of an item; carries the problem to report."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


@dataclass(slots=True)
class Verdict:
    """The outcome for one rules file.

    ``schema_warnings`` is None when the file was not YAML, empty when it fits the schema.
    """

    source: Source
    errors: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    schema_warnings: list[str] | None = None

    @property
    def name(self) -> str:
        return self.source.name

    @property
    def successful(self) -> bool:
        return not self.errors

    def error(self, code: ErrorCode, message: str, context: Context, at: Span | None = None, hint: str = "") -> None:
        self.errors.append(Problem(code, message, context, at or context.span, hint))

    def warn(
        self,
        code: WarningCode,
        message: str,
        context: Context,
        at: Span | None = None,
        hint: str = "",
        deprecated_field: str = "",
    ) -> None:
        self.warnings.append(Problem(code, message, context, at or context.span, hint, deprecated_field))

    def as_json(self) -> dict[str, Any]:
        """Return the entry of ``falco_load_results`` for this file."""
        made: dict[str, Any] = {
            "name": self.name,
            "successful": self.successful,
            "errors": [problem.as_json() for problem in self.errors],
            "warnings": [problem.as_json() for problem in self.warnings],
        }
        if self.schema_warnings is not None:
            made["schema_valid"] = not self.schema_warnings
            made["schema_warnings"] = list(self.schema_warnings)
        return made

    def headline(self) -> str:
        if self.errors:
            return f"{self.name}: Invalid"
        return f"{self.name}: Ok, with warnings" if self.warnings else f"{self.name}: Ok"

    def as_falco_text(self) -> str:
        """Return the long text that ``falco -V`` prints for a file."""
        lines = [self.headline()]
        if self.schema_warnings:
            lines.append(f"{len(self.schema_warnings)} Schema warnings:")
            for warning in self.schema_warnings:
                lines += ["------", warning]
            lines += ["------", ""]
        elif self.schema_warnings is not None and not self.errors and not self.warnings:
            return lines[0]
        for problems, title in ((self.errors, "Errors"), (self.warnings, "Warnings")):
            if not problems:
                continue
            lines.append(f"{len(problems)} {title}:")
            for problem in problems:
                places = [place.as_text() for place in problem.context.chain()]
                lines += ["In " + places[0], *("    " + place for place in places[1:])]
                lines += ["------", problem.context.snippet().rstrip("\n"), "------"]
                lines.append(f"{problem.code} ({problem.label}): {problem.falco_message}")
            lines.append("")
        return "\n".join(lines)
