"""Reads one rule item: a definition, an append, a set of overrides, or a bare ``enabled``."""

from __future__ import annotations

import difflib

from tiercel.rules import reader_values as values
from tiercel.rules.collector import MAX_EXCEPTIONS, Collector, RuleInfo, RuleUpdate
from tiercel.rules.exceptions import Entry, ExceptionInfo
from tiercel.rules.model import Priority
from tiercel.rules.reader_values import Overrides, fail
from tiercel.rules.syntax import Span
from tiercel.rules.verdict import Context, ErrorCode, Item, Verdict, WarningCode
from tiercel.rules.written import Origin, Written
from tiercel.rules.yaml_source import Mapping, Scalar, Sequence, Value, is_null

KEYS = (
    "rule",
    "condition",
    "output",
    "desc",
    "priority",
    "source",
    "enabled",
    "capture",
    "capture_duration",
    "warn_evttypes",
    "skip-if-unknown-filter",
    "tags",
    "exceptions",
    "override",
    "append",
)
_APPENDABLE = frozenset(("condition", "output", "desc", "tags", "exceptions"))
_REPLACEABLE = _APPENDABLE | frozenset(
    ("priority", "capture", "capture_duration", "enabled", "warn_evttypes", "skip-if-unknown-filter")
)
_COMPARED = 100  # of more exceptions the names are not compared
_DEFINING = ("condition", "output", "desc", "priority")

_ENABLED_DEPRECATED = (
    "The standalone 'enabled' key usage is deprecated. The correct approach requires also a 'replace' entry under the "
    "'override' key (i.e. 'enabled: replace')."
)


def read_rule(item: Mapping, content: Context, verdict: Verdict, collector: Collector, strict: bool) -> None:
    """Read a rule item into the collector.

    Raises:
        LoadError: the item is malformed or does not fit what was defined before.
    """
    name = values.text(item, "rule", content.child(item, Item.RULE)).text
    context = content.child(item, Item.RULE, name)
    source = values.optional_text(item, "source", context, empty=True) or ""
    flag = values.append_flag(item, context, verdict)
    overrides = Overrides.read(item, _APPENDABLE, _REPLACEABLE, context)
    overrides.refuse_with_flag(flag, context)
    if overrides:
        _override(item, name, source, overrides, context, verdict, collector)
    elif flag and (strict or name in collector.rules or not all(item.get(key) for key in _DEFINING)):
        _append(item, name, source, context, verdict, collector)
    elif not any(item.get(key) is not None for key in _DEFINING):
        enabled = values.boolean(item, "enabled", context)
        verdict.warn(WarningCode.DEPRECATED_ITEM, _ENABLED_DEPRECATED, context)
        collector.enable_rule(name, enabled, context)
    else:
        if flag:
            message = "'append: true' on a rule that was not defined before: the item defines it"
            hint = "remove 'append: true'; Falco refuses this rule"
            key = item.key("append")
            at = context.child(key, Item.VALUE).span if key else None
            verdict.warn(WarningCode.OWN_APPEND_DEFINES, message, context, at, hint)
        collector.define_rule(_definition(item, name, context, verdict), verdict)
    values.warn_unknown_keys(item, KEYS, verdict, context, collector.suggest)


def _definition(item: Mapping, name: str, context: Context, verdict: Verdict) -> RuleInfo:
    condition = values.text(item, "condition", context)
    output = values.text(item, "output", context)
    desc = values.text(item, "desc", context).text
    priority = _priority(item, context)
    written = Written.of(condition, context.source)
    info = RuleInfo(
        context,
        context.child(condition, Item.RULE_CONDITION),
        context.child(output, Item.RULE_OUTPUT),
        name,
        written,
        _trimmed(output, context),
        desc,
        priority,
    )
    source = values.optional_text(item, "source", context)
    info.source = "syscall" if source is None else source
    info.enabled = _or(values.optional_boolean(item, "enabled", context), True)
    info.capture = _or(values.optional_boolean(item, "capture", context), False)
    info.capture_duration = values.optional_number(item, "capture_duration", context) or 0
    info.warn_evttypes = _or(values.optional_boolean(item, "warn_evttypes", context), True)
    info.skip_if_unknown_filter = _or(values.optional_boolean(item, "skip-if-unknown-filter", context), False)
    info.tags = set(values.optional_texts(item, "tags", context) or ())
    info.exceptions = _exceptions(item, context, verdict, append=False)
    return info


def _or(flag: bool | None, default: bool) -> bool:
    return default if flag is None else flag


def _trimmed(output: Scalar, context: Context) -> Written:
    start = len(output.text) - len(output.text.lstrip())
    origin = Origin(context.source, output)
    return Written(output.text.strip(), [(-start, origin)])


def _priority(item: Mapping, context: Context) -> Priority:
    scalar = values.text(item, "priority", context)
    priority = Priority.parse(scalar.text)
    if priority is None:
        names = [known.name.lower() for known in Priority]
        close = difflib.get_close_matches(scalar.text[:40].lower(), names, 1)
        hint = f"one of {', '.join(names)}"
        if close:
            hint = f"did you mean '{close[0]}'?"
        raise fail("Invalid priority", context.child(scalar, Item.RULE_PRIORITY), hint, _word(scalar, context))
    return priority


def _word(scalar: Scalar, context: Context) -> Span:
    return Origin(context.source, scalar).span(0, max(len(scalar.text), 1))


def _append(item: Mapping, name: str, source: str, context: Context, verdict: Verdict, collector: Collector) -> None:
    update = RuleUpdate(context, name, source)
    if item.get("condition") is not None:
        update.condition = Written.of(values.text(item, "condition", context), context.source)
    if item.get("exceptions") is not None:
        update.exceptions = _exceptions(item, context, verdict, append=True)
    collector.append_rule(update)


def _override(
    item: Mapping,
    name: str,
    source: str,
    overrides: Overrides,
    context: Context,
    verdict: Verdict,
    collector: Collector,
) -> None:
    waiting = {key for key in _REPLACEABLE if item.get(key) is not None}
    for operation, keys in (("append", overrides.append), ("replace", overrides.replace)):
        if not keys:
            continue
        update = RuleUpdate(context, name)
        for key in _ORDER:
            if key not in keys:
                continue
            if key not in waiting:
                message = f"An {operation} override for '{key}' was specified but '{key}' is not defined"
                raise fail(message, context)
            waiting.discard(key)
            if key == "condition":
                update.source = source
            _read_update(update, item, key, operation == "append", context, verdict)
        if operation == "append":
            collector.append_rule(update)
        else:
            collector.replace_rule(update)
    for key in sorted(waiting):
        value = item.get(key)
        at = context.child(value, Item.OVERRIDE, key) if value is not None else context
        message = f"Unexpected key '{key}': no corresponding entry under 'override' is defined."
        raise fail(message, at, f"add '{key}: replace' under override")


_ORDER = (
    "condition",
    "exceptions",
    "output",
    "desc",
    "tags",
    "priority",
    "capture",
    "capture_duration",
    "enabled",
    "warn_evttypes",
    "skip-if-unknown-filter",
)


def _read_update(update: RuleUpdate, item: Mapping, key: str, append: bool, context: Context, verdict: Verdict) -> None:
    if key in ("condition", "output"):
        setattr(update, key, Written.of(values.text(item, key, context), context.source))
    elif key == "exceptions":
        update.exceptions = _exceptions(item, context, verdict, append)
    elif key == "desc":
        update.desc = values.text(item, key, context).text
    elif key == "tags":
        update.tags = set(values.texts(item, key, context))
    elif key == "priority":
        update.priority = _priority(item, context)
    elif key == "capture_duration":
        update.capture_duration = values.number(item, key, context)
    else:
        setattr(update, key.replace("-", "_"), values.boolean(item, key, context))


def _exceptions(item: Mapping, parent: Context, verdict: Verdict, append: bool) -> list[ExceptionInfo]:
    value = item.get("exceptions")
    if value is None or is_null(value):
        return []
    context = parent.child(value, Item.EXCEPTIONS)
    if not isinstance(value, Sequence):
        raise fail("Rule exceptions must be a sequence", context)
    found: list[ExceptionInfo] = []
    if len(value.items) > MAX_EXCEPTIONS:
        raise fail(f"more than {MAX_EXCEPTIONS} exceptions", context, code=ErrorCode.VALIDATE)
    for entry in value.items:
        unnamed = context.child(entry, Item.EXCEPTION)
        if not isinstance(entry, Mapping):
            raise fail("Rule exception must be a mapping", unnamed)
        name = values.text(entry, "name", unnamed).text
        found.append(_exception(entry, name, found, parent, verdict, append))
    return found


def _exception(
    entry: Mapping, name: str, earlier: list[ExceptionInfo], parent: Context, verdict: Verdict, append: bool
) -> ExceptionInfo:
    context = parent.child(entry, Item.EXCEPTION, name)
    if len(earlier) < _COMPARED:
        for _ in [known for known in earlier if known.name == name]:
            message = f"Multiple definitions of exception '{name}' in the same rule"
            verdict.warn(WarningCode.EXCEPTION_NAME_NOT_UNIQUE, message, context)
    info = ExceptionInfo(context, name)
    fields = entry.get("fields")
    if fields is not None:
        info.fields = _entry(fields, "fields", context)
    elif not append:
        raise fail("Item has no mapping for key 'fields'", context)
    comps = entry.get("comps")
    if comps is not None:
        info.comps = _entry(comps, "comps", context)
    given = entry.get("values")
    if given is None:
        if append:
            message = "Overriding/appending exception with no values"
            verdict.warn(WarningCode.APPEND_NO_VALUES, message, context)
        return info
    values_context = context.child(given, Item.EXCEPTION_VALUES)
    if not isinstance(given, Sequence):
        raise fail("Rule exception values must be a sequence", values_context)
    for value in given.items:
        info.values.append(_entry(value, "", values_context.child(value, Item.EXCEPTION_VALUE)))
    return info


def _entry(value: Value, key: str, parent: Context) -> Entry:
    """Read one text or a list of them, lists within lists included; anything else is left out, as by Falco."""
    context = parent.child(value, Item.VALUE, key)
    if isinstance(value, Sequence):
        items = [_entry(inner, "", context.child(inner, Item.EXCEPTION)) for inner in value.items]
        return Entry(items=items, is_list=True)
    if isinstance(value, Scalar) and not value.null:
        if not value.text:
            raise fail("Value must be non-empty", context)
        return Entry(value.text, origin=Origin(context.source, value))
    return Entry()
