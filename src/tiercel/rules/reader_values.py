"""Typed values of items: what a key must hold, and the errors when it does not."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tiercel.rules.syntax import Span
from tiercel.rules.verdict import Context, ErrorCode, Item, LoadError, Problem, Verdict, WarningCode
from tiercel.rules.yaml_source import Mapping, Scalar, Sequence, Value, is_null

Suggest = Callable[[str, list[str]], str]

_APPEND_DEPRECATED = (
    "'append' key is deprecated. Add an 'append' entry (e.g. 'condition: append') under 'override' instead."
)
_APPEND_AND_OVERRIDE = (
    "Keys 'override' and 'append: true' cannot be used together. Add an 'append' entry (e.g. 'condition: append') "
    "under 'override' instead."
)


def fail(
    message: str,
    context: Context,
    hint: str = "",
    at: Span | None = None,
    code: ErrorCode = ErrorCode.YAML_VALIDATE,
) -> LoadError:
    """Return the error to raise for content of the wrong shape."""
    return LoadError(Problem(code, message, context, at or context.span, hint))


def _decoded(item: Mapping, key: str, context: Context, empty: bool = False) -> Scalar | None:
    """Return a key's scalar, or None when the key is absent, or empty and allowed to be."""
    value = item.get(key)
    if value is None:
        return None
    if is_null(value):
        if empty:
            return None
        name = item.key(key)
        at = context.child(name, Item.VALUE).span if name else None
        raise fail(f"Mapping for key '{key}' is empty", context, at=at)
    inner = context.child(value, Item.VALUE, key)
    if not isinstance(value, Scalar):
        raise fail("Value is not a scalar value", inner)
    if not value.text:
        if empty:
            return None
        raise fail("Value must be non-empty", inner)
    return value


def text(item: Mapping, key: str, context: Context) -> Scalar:
    """Return the text of a required key."""
    found = _decoded(item, key, context)
    if found is None:
        raise fail(f"Item has no mapping for key '{key}'", context)
    return found


def optional_text(item: Mapping, key: str, context: Context, empty: bool = False) -> str | None:
    found = _decoded(item, key, context, empty)
    return found.text if found is not None else None


def optional_boolean(item: Mapping, key: str, context: Context) -> bool | None:
    found = _decoded(item, key, context)
    if found is None:
        return None
    flag = found.boolean()
    if flag is None:
        raise fail("Can't decode YAML scalar value", context.child(found, Item.VALUE, key), "use true or false")
    return flag


def boolean(item: Mapping, key: str, context: Context) -> bool:
    flag = optional_boolean(item, key, context)
    if flag is None:
        raise fail(f"Item has no mapping for key '{key}'", context)
    return flag


def optional_number(item: Mapping, key: str, context: Context) -> int | None:
    found = _decoded(item, key, context)
    if found is None:
        return None
    number = found.unsigned()
    if number is None:
        hint = "use a whole number of milliseconds" if key == "capture_duration" else "use a whole number"
        raise fail("Can't decode YAML scalar value", context.child(found, Item.VALUE, key), hint)
    return number


def number(item: Mapping, key: str, context: Context) -> int:
    found = optional_number(item, key, context)
    if found is None:
        raise fail(f"Item has no mapping for key '{key}'", context)
    return found


def optional_texts(item: Mapping, key: str, context: Context) -> list[str] | None:
    """Return the texts of a sequence, or None when the key is absent."""
    value = item.get(key)
    if value is None:
        return None
    inner = context.child(value, Item.VALUE, key)
    if not isinstance(value, Sequence):
        raise fail("Value is not a sequence", inner)
    found = []
    for entry in value.items:
        if not isinstance(entry, Scalar) or entry.null:
            raise fail("sequence value is not scalar", inner.child(entry, Item.LIST_ITEM))
        found.append(entry.text)
    return found


def texts(item: Mapping, key: str, context: Context) -> list[str]:
    found = optional_texts(item, key, context)
    if found is None:
        raise fail(f"Item has no mapping for key '{key}'", context)
    return found


def append_flag(item: Mapping, context: Context, verdict: Verdict) -> bool:
    """Return the deprecated ``append`` key, with its warning when it is set."""
    flag = bool(optional_boolean(item, "append", context))
    if flag:
        at = context.child(key, Item.VALUE).span if (key := item.key("append")) else None
        verdict.warn(WarningCode.DEPRECATED_ITEM, _APPEND_DEPRECATED, context, at)
    return flag


def warn_unknown_keys(
    item: Mapping, known: Iterable[str], verdict: Verdict, context: Context, suggest: Suggest
) -> None:
    known = frozenset(known)
    for name, _ in item.pairs:
        if not isinstance(name, Scalar):
            raise fail("a key must be text", context, at=context.child(name, Item.VALUE).span, code=ErrorCode.VALIDATE)
        if name.text not in known:
            message = f"Unknown key '{name.text}'. The key will be ignored."
            at = context.child(name, Item.VALUE).span
            hint = suggest(name.text, sorted(known))
            verdict.warn(WarningCode.UNKNOWN_KEY, message, context, _wide(at, len(name.text)), hint)


def _wide(at: Span, length: int) -> Span:
    return Span(at.file, at.line, at.column, max(length, 1))


@dataclass(frozen=True, slots=True)
class Overrides:
    """The keys that an item's ``override`` appends to or replaces."""

    append: frozenset[str]
    replace: frozenset[str]

    def __bool__(self) -> bool:
        return bool(self.append or self.replace)

    @classmethod
    def read(
        cls, item: Mapping, appendable: frozenset[str], replaceable: frozenset[str], context: Context
    ) -> Overrides:
        """Read ``override`` and check that each key can be changed that way."""
        value = item.get("override")
        append: set[str] = set()
        replace: set[str] = set()
        inner = context.child(item, Item.OVERRIDE)
        for name, operation in _pairs(value, inner):
            key = name.text
            if operation.text == "append":
                if key not in appendable:
                    at = inner.child(name, Item.OVERRIDE, key)
                    hint = f"write {key}: replace" if key in replaceable else _close(key, appendable | replaceable)
                    raise fail(f"Key '{key}' cannot be appended to, use 'replace' instead", at, hint)
                append.add(key)
            elif operation.text == "replace":
                if key not in replaceable:
                    hint = _close(key, appendable | replaceable)
                    raise fail(f"Key '{key}' cannot be replaced", inner.child(name, Item.OVERRIDE, key), hint)
                replace.add(key)
            else:
                allowed = ("append " if key in appendable else "") + ("replace " if key in replaceable else "")
                message = (
                    f"Invalid override operation for key '{key}': '{operation.text}'. Allowed values are: {allowed}"
                )
                hint = (
                    _close(operation.text, {"append", "replace"})
                    or f"write {key}: {allowed.strip().replace(' ', ' or ')}"
                )
                raise fail(message, inner.child(operation, Item.VALUE, key), hint if allowed else "")
        return cls(frozenset(append), frozenset(replace))

    def refuse_with_flag(self, flag: bool, context: Context) -> None:
        if flag and self:
            raise fail(_APPEND_AND_OVERRIDE, context)


def _close(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name[:100], sorted(known), 1)
    return f"did you mean '{close[0]}'?" if close else ""


def _pairs(value: Value | None, context: Context) -> Iterable[tuple[Scalar, Scalar]]:
    if isinstance(value, Sequence) and value.items:
        raise fail("override must be a mapping of keys to append or replace", context, code=ErrorCode.VALIDATE)
    if not isinstance(value, Mapping):
        return
    for name, operation in value.pairs:
        if not isinstance(name, Scalar) or not isinstance(operation, Scalar):
            at = context.child(name, Item.VALUE).span
            raise fail("override must map keys to append or replace", context, at=at, code=ErrorCode.VALIDATE)
        yield name, operation
