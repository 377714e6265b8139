"""Names of fields in conditions and outputs, resolved against the catalogue."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from tiercel.fields.model import Argument, Field, ValueType
from tiercel.rules.syntax import DOTTED_ARGUMENTS
from tiercel.rules.values import PARAMETER_TYPES, Width, parse_number
from tiercel.wire.event_table import EVENTS, Param

Finder = Callable[[str], Field | None]

_DOTTED_PREFIXES = tuple(name + "." for name in DOTTED_ARGUMENTS)

GENERIC = frozenset(
    {
        "evt.num",
        "evt.time",
        "evt.time.s",
        "evt.time.iso8601",
        "evt.datetime",
        "evt.datetime.s",
        "evt.rawtime",
        "evt.rawtime.s",
        "evt.rawtime.ns",
        "evt.reltime",
        "evt.reltime.s",
        "evt.reltime.ns",
        "evt.pluginname",
        "evt.plugininfo",
        "evt.source",
        "evt.is_async",
        "evt.asynctype",
        "evt.hostname",
    }
)
"""Fields every event source has."""

_INT32 = Width(32, True)
_INT64 = Width(64, True)
_NUMBERED = {
    "proc.apid": _INT32,
    "proc.aname": _INT32,
    "proc.aexe": _INT32,
    "proc.aexepath": _INT32,
    "proc.acmdline": _INT32,
    "proc.aargs": _INT32,
    "proc.args": _INT32,
    "evt.arg": _INT32,
    "fd.types": _INT64,
    "evt.around": Width(64, False),
}
_NUMBER_OR_NAME = ("proc.env", "proc.aenv")
_CGROUP = re.compile(r"[a-zA-Z_]+")
_INDEX = re.compile(r"0|[1-9][0-9]*")


class FieldError(ValueError):
    """A field that cannot be used; ``unknown`` when no such field exists."""

    def __init__(self, message: str, unknown: bool = False) -> None:
        super().__init__(message)
        self.unknown = unknown


@dataclass(frozen=True, slots=True)
class ResolvedField:
    """A field with its argument; ``width`` narrows a number further than the field's type does."""

    field: Field
    argument: str | int | None
    width: Width | None = None


def catalogue_find(name: str) -> Field | None:
    """Return the field of that name in the catalogue."""
    from tiercel.fields.catalogue import find  # only here: conditions can be parsed without any field's code

    return find(name)


class FieldNames:
    """Finds fields by the way they are written.

    ``strict`` hides the fields Falco does not have. ``source`` is the event source of the rule: besides the generic
    fields only that source's own exist.
    """

    def __init__(self, strict: bool = False, source: str = "syscall", find: Finder = catalogue_find) -> None:
        self.strict = strict
        self.source = source
        self._find = find
        self._known: dict[tuple[str, str | None], ResolvedField] = {}

    def resolve(self, name: str, argument: str | None) -> ResolvedField:
        """Return the field written ``name`` or ``name[argument]``.

        Raises:
            FieldError: there is no such field, or the argument is not one of its own.
        """
        key = (name, argument)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._resolve(name, argument)
        return known

    def exists(self, text: str) -> bool:
        """Return whether a constant spells a field, with or without an argument."""
        name, bracket, rest = text.partition("[")
        if bracket and not rest.endswith("]"):
            return False
        if self._visible(name) is None and not name.startswith(_DOTTED_PREFIXES):
            return False
        try:
            self.resolve(name, rest[:-1] if bracket else None)
        except FieldError:
            return False
        return True

    def _visible(self, name: str) -> Field | None:
        field = self._find(name)
        if field is None or (self.strict and field.own):
            return None
        if field.source not in ("", "any", self.source) and field.name not in GENERIC:
            return None
        return field

    def _resolve(self, name: str, argument: str | None) -> ResolvedField:
        for base in DOTTED_ARGUMENTS:
            if name.startswith(base + ".") and (self._visible(name) is None):
                field = self._visible(base)
                if field is not None and argument is None:
                    return self._dotted(field, name[len(base) + 1 :])
        field = self._visible(name)
        if field is None:
            raise FieldError(f"filter_check called with nonexistent field {name}" + self._suggestion(name), True)
        if argument is None:
            if field.argument is Argument.REQUIRED:
                example = f" (for example {field.example})" if field.example.startswith(name) else ""
                raise FieldError(f"the field '{name}' requires an argument but none provided{example}")
            return ResolvedField(field, None)
        if field.argument is Argument.NONE or (field.name in DOTTED_ARGUMENTS and field.name != "evt.arg"):
            message = f"filter_check called with nonexistent field {name}[{argument}]: '{name}' takes no argument"
            if field.name in DOTTED_ARGUMENTS:
                message += f" in brackets, write {name}.{argument}"
            raise FieldError(message, True)
        return ResolvedField(field, self._argument(field, argument))

    def _argument(self, field: Field, argument: str) -> str | int | None:
        name = field.name
        width = _NUMBERED.get(name)
        if width is not None:
            try:
                number = parse_number(argument, width)
            except ValueError as error:
                raise FieldError(f"the argument of '{name}' is a number: {error}", name.startswith("proc.")) from None
            # A negative number is how libs keeps "no argument".
            return None if number < 0 else number
        if name in _NUMBER_OR_NAME:
            return int(argument) if argument.isascii() and argument.isdigit() else argument
        if field.index and _INDEX.fullmatch(argument):
            return int(argument)
        if field.index and not field.key:
            raise FieldError(f"the field '{name}' takes a number in brackets, not '{argument}'")
        return argument

    def _dotted(self, field: Field, argument: str) -> ResolvedField:
        name = field.name
        if name == "evt.type.is":
            if any(event.name == argument for event in EVENTS):
                return ResolvedField(field, argument)
            raise FieldError(f"filter_check called with nonexistent field {name}.{argument}: no such event type", True)
        if name == "evt.abspath":
            if argument in ("src", "dst"):
                return ResolvedField(field, argument)
        elif name == "thread.cgroup":
            if _CGROUP.fullmatch(argument):
                return ResolvedField(field, argument)
        elif argument in parameters():
            if name == "evt.arg":
                return ResolvedField(field, argument)
            type, width = PARAMETER_TYPES.get(parameters()[argument].type, (ValueType.DYNAMIC, None))
            return ResolvedField(replace(field, type=type), argument, width)
        else:
            close = difflib.get_close_matches(argument, parameters(), 1)
            hint = f" (did you mean '{name}.{close[0]}'?)" if close else ""
            raise FieldError(f"unknown event argument {argument}{hint}")
        raise FieldError(f"filter_check called with nonexistent field {name}.{argument}", True)

    def _suggestion(self, name: str) -> str:
        close = difflib.get_close_matches(name, field_names(), 6, 0.75)
        for candidate in close:
            if self._visible(candidate) is not None:
                return f" (did you mean '{candidate}'?)"
        return ""


def suggestion(name: str) -> str:
    """Return a hint naming the field most like ``name``, empty when none is."""
    close = difflib.get_close_matches(name, field_names(), 1, 0.75)
    return f"did you mean '{close[0]}'?" if close else ""


def field_names() -> list[str]:
    """Return the names of all fields of the catalogue, for suggestions."""
    try:
        from tiercel.fields.catalogue import FIELDS
    except ImportError:
        return []
    return list(FIELDS)


_PARAMETERS: dict[str, Param] = {}


def parameters() -> dict[str, Param]:
    """Return the first parameter of each name in the event table, by name."""
    if not _PARAMETERS:
        for event in EVENTS:
            for param in event.params:
                _PARAMETERS.setdefault(param.name, param)
    return _PARAMETERS
