"""Reads the items of rules files into a collector: rules, macros, lists and requirements."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tiercel.rules import reader_values as values
from tiercel.rules.collector import Collector, ListInfo, MacroInfo
from tiercel.rules.reader_rule import read_rule
from tiercel.rules.reader_values import Overrides, fail
from tiercel.rules.schema import schema_warnings
from tiercel.rules.verdict import MAX_ERRORS, Context, ErrorCode, Item, LoadError, Verdict, WarningCode
from tiercel.rules.versions import Requirement, Version, engine_version
from tiercel.rules.written import Written
from tiercel.rules.yaml_source import Mapping, Scalar, Sequence, Value, YamlError, documents, is_null

_MACRO_NAME = re.compile(r"[a-zA-Z]+[a-zA-Z0-9_]*\Z")
_LIST_NAME = re.compile(r"""[^()"'\s=,]+\Z""")

_ITEM_KEYS = ("required_engine_version", "required_plugin_versions", "list", "macro", "rule")

_YAML_CPP = (
    ("mapping values are not allowed", "illegal map value"),
    ("did not find expected ',' or ']'", "end of sequence flow not found"),
    ("did not find expected ',' or '}'", "end of map flow not found"),
    ("did not find expected '-' indicator", "end of sequence not found"),
    ("did not find expected key", "end of map not found"),
    ("could not find expected ':'", "end of map not found"),
    ("cannot start any token", "unknown token"),
)


def read(verdict: Verdict, collector: Collector, strict: bool) -> bool:
    """Read one file, reporting into its verdict.

    Falco stops at the first error of a file, and so does ``strict``; otherwise the other items are read too.

    Returns:
        Whether there was no error.
    """
    source = verdict.source
    content = Context(source)
    try:
        found = documents(source)
    except YamlError as error:
        context = Context(source, Item.VALUE, "", error.line, error.column, content)
        spoken = next((theirs for ours, theirs in _YAML_CPP if ours in error.message), error.message)
        message = f"yaml-cpp: error at line {error.line + 1}, column {error.column + 1}: {spoken}"
        verdict.error(ErrorCode.YAML_PARSE, message, context, None, "" if spoken == error.message else error.message)
        return False
    if found:
        verdict.schema_warnings = schema_warnings(found, strict)
    for document in found:
        if document is None:
            continue
        try:
            items = _items(document, content)
        except LoadError as error:
            verdict.errors.append(error.problem)
            if strict:
                return False
            continue
        for item in items:
            if is_null(item):
                continue
            try:
                _read_item(item, content, verdict, collector, strict)
            except LoadError as error:
                verdict.errors.append(error.problem)
                if strict or len(verdict.errors) >= MAX_ERRORS:
                    return False
    return not verdict.errors


def _items(document: Value, content: Context) -> list[Value]:
    if isinstance(document, Sequence):
        return document.items
    if isinstance(document, Mapping):
        known = [key for key in _ITEM_KEYS if document.get(key) is not None]
        hint = "start the item with '- '" if known else ""
        at = content.child(document, Item.CONTENT_ITEM).span
        raise fail("Rules content is not yaml array of objects", content, hint, at)
    raise fail("Rules content is not yaml", content)


def _read_item(item: Value, content: Context, verdict: Verdict, collector: Collector, strict: bool) -> None:
    if not isinstance(item, Mapping):
        message = "Unexpected element type. Each element should be a yaml associative array."
        raise fail(message, content.child(item, Item.CONTENT_ITEM))
    if item.get("required_engine_version") is not None:
        _read_engine_version(item, content, verdict, collector)
    elif (required := item.get("required_plugin_versions")) is not None:
        _read_plugin_versions(item, required, content, verdict, collector)
    elif item.get("list") is not None:
        _read_list(item, content, verdict, collector)
    elif item.get("macro") is not None:
        _read_macro(item, content, verdict, collector)
    elif item.get("rule") is not None:
        read_rule(item, content, verdict, collector, strict)
    else:
        context = content.child(item, Item.CONTENT_ITEM)
        written = [name.text for name, _ in item.pairs if isinstance(name, Scalar)]
        hints = (collector.suggest(name, list(_ITEM_KEYS)) for name in written)
        verdict.warn(WarningCode.UNKNOWN_ITEM, "Unknown top level item", context, None, next(filter(None, hints), ""))


def _read_engine_version(item: Mapping, content: Context, verdict: Verdict, collector: Collector) -> None:
    context = content.child(item, Item.ENGINE_VERSION)
    scalar = values.text(item, "required_engine_version", context)
    number = scalar.unsigned()
    version = Version.parse(scalar.text) if number is None else engine_version(number)
    if version is None:
        message = (
            f"Unable to parse engine version '{scalar.text}' as a semver string. Expected \"x.y.z\" semver format."
        )
        raise fail(message, context, at=context.child(scalar, Item.VALUE).span)
    collector.require_engine(version, context)
    values.warn_unknown_keys(item, ("required_engine_version",), verdict, context, collector.suggest)


def _read_plugin_versions(
    item: Mapping, required: Value, content: Context, verdict: Verdict, collector: Collector
) -> None:
    context = content.child(required, Item.PLUGIN_VERSIONS)
    if not isinstance(required, Sequence):
        raise fail("Value of required_plugin_versions must be a sequence", context)
    for entry in required.items:
        entry_context = context.child(entry, Item.PLUGIN_VERSION)
        if not isinstance(entry, Mapping):
            raise fail("Plugin version must be a mapping", entry_context)
        name = values.text(entry, "name", entry_context).text
        entry_context = context.child(entry, Item.PLUGIN_VERSION, name)
        wanted = [Requirement(name, values.text(entry, "version", entry_context).text)]
        others = entry.get("alternatives")
        if others is not None:
            if not isinstance(others, Sequence):
                raise fail("Value of plugin version alternatives must be a sequence", entry_context)
            wanted.extend(_alternative(other, entry_context) for other in others.items)
        collector.require_plugin(tuple(wanted), entry_context)
    context = content.child(item, Item.PLUGIN_VERSIONS)
    values.warn_unknown_keys(item, ("required_plugin_versions",), verdict, context, collector.suggest)


def _alternative(other: Value, parent: Context) -> Requirement:
    context = parent.child(other, Item.PLUGIN_ALTERNATIVE)
    if not isinstance(other, Mapping):
        raise fail("Plugin version alternative must be a mapping", context)
    name = values.text(other, "name", context).text
    context = parent.child(other, Item.PLUGIN_ALTERNATIVE, name)
    return Requirement(name, values.text(other, "version", context).text)


def _read_list(item: Mapping, content: Context, verdict: Verdict, collector: Collector) -> None:
    name = values.text(item, "list", content.child(item, Item.LIST)).text
    context = content.child(item, Item.LIST, name)
    if not _LIST_NAME.match(name):
        message = "List has an invalid name. List names should match a regular expression: ([^()\"'[:space:]=,]+)"
        verdict.warn(WarningCode.INVALID_LIST_NAME, message, context)
    info = ListInfo(context, name, values.texts(item, "items", context))
    if _appends(item, ("items",), context, verdict):
        collector.append_list(info)
    else:
        collector.define_list(info)
    values.warn_unknown_keys(item, ("list", "items", "append", "override"), verdict, context, collector.suggest)


def _read_macro(item: Mapping, content: Context, verdict: Verdict, collector: Collector) -> None:
    name = values.text(item, "macro", content.child(item, Item.MACRO)).text
    context = content.child(item, Item.MACRO, name)
    if not _MACRO_NAME.match(name):
        message = "Macro has an invalid name. Macro names should match a regular expression: ([a-zA-Z]+[a-zA-Z0-9_]*)"
        verdict.warn(WarningCode.INVALID_MACRO_NAME, message, context)
    condition = values.text(item, "condition", context)
    info = MacroInfo(
        context, context.child(condition, Item.MACRO_CONDITION), name, Written.of(condition, content.source)
    )
    if _appends(item, ("condition",), context, verdict):
        collector.append_macro(info)
    else:
        collector.define_macro(info)
    values.warn_unknown_keys(item, ("macro", "condition", "append", "override"), verdict, context, collector.suggest)


def _appends(item: Mapping, keys: Iterable[str], context: Context, verdict: Verdict) -> bool:
    """Say whether a list or a macro appends to an earlier one, by either of the two ways."""
    flag = values.append_flag(item, context, verdict)
    overrides = Overrides.read(item, frozenset(keys), frozenset(keys), context)
    overrides.refuse_with_flag(flag, context)
    return flag or bool(overrides.append)
