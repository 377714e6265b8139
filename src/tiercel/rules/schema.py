"""Checks a rules file against the shape of Falco's rule schema.

Falco loads files that do not fit, and says so beside its verdict, in the words of its validator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tiercel.rules.yaml_source import Mapping, Scalar, Sequence, Value

Check = Callable[[Value, str, list[str]], bool]
"""Appends what is wrong with a value at a path, innermost first, and says whether it was right."""

_MOST = 1_000  # complaints about one file
_WRONG_TYPE = "Value type not permitted by 'type' constraint."


def _report(found: list[str], path: str, message: str) -> bool:
    if len(found) < _MOST:
        found.append(f"failed for {path}: {message}")
    return False


def _text(value: Value, path: str, found: list[str]) -> bool:
    return (isinstance(value, Scalar) and not value.null) or _report(found, path, _WRONG_TYPE)


def _boolean(value: Value, path: str, found: list[str]) -> bool:
    return (isinstance(value, Scalar) and value.boolean() is not None) or _report(found, path, _WRONG_TYPE)


def _integer(value: Value, path: str, found: list[str]) -> bool:
    fits = isinstance(value, Scalar) and Scalar(value.text.lstrip("-"), 0, 0).unsigned(63) is not None
    return fits or _report(found, path, _WRONG_TYPE)


def _anything(value: Value, path: str, found: list[str]) -> bool:
    return True


def _one_of(*names: str) -> Check:
    def check(value: Value, path: str, found: list[str]) -> bool:
        right = isinstance(value, Scalar) and value.text in names
        if not right:
            _report(found, path, "Failed to match against any enum values.")
        return _text(value, path, found) and right

    return check


def _item(value: Value, path: str, found: list[str]) -> bool:
    fits = isinstance(value, Scalar) and not value.null
    return fits or _report(found, path, "Failed to validate against any child schemas allowed by anyOf constraint.")


def _array(check: Check) -> Check:
    def array(value: Value, path: str, found: list[str]) -> bool:
        if not isinstance(value, Sequence):
            return _report(found, path, _WRONG_TYPE)
        right = True
        for at, entry in enumerate(value.items):
            if not check(entry, f"{path}[{at}]", found):
                right = _report(found, path, f"Failed to validate item #{at} in array.")
        return right

    return array


def _object(properties: dict[str, Check], required: Iterable[str] = (), at_least: int = 0) -> Check:
    ordered = sorted(properties.items())

    def check(value: Value, path: str, found: list[str]) -> bool:
        if not isinstance(value, Mapping):
            return _report(found, path, _WRONG_TYPE)
        right = len(value.pairs) >= at_least
        if not right:
            _report(found, path, f"Object should contain no fewer than {at_least} properties.")
        given = {name.text: inner for name, inner in reversed(value.pairs) if isinstance(name, Scalar)}
        for name, inner_check in ordered:
            if name in given and not inner_check(given[name], f"{path}[{name}]", found):
                message = f"Failed to validate against schema associated with property name '{name}'."
                right = _report(found, path, message)
        for key, _ in value.pairs:
            text = key.text if isinstance(key, Scalar) else ""
            if text not in properties:
                message = (
                    "Object contains a property that could not be validated using 'properties' or "
                    f"'additionalProperties' constraints: '{text}'."
                )
                right = _report(found, path, message)
                break
        for name in required:
            if name not in given:
                right = _report(found, path, f"Missing required property '{name}'.")
        return right

    return check


_OVERRIDE_KEYS = (
    "items",
    "desc",
    "condition",
    "output",
    "priority",
    "enabled",
    "exceptions",
    "capture",
    "capture_duration",
    "tags",
    "warn_evttypes",
    "skip-if-unknown-filter",
)
_ALTERNATIVE = _object({"name": _text, "version": _text}, ("name", "version"))
_PLUGIN = _object({"name": _text, "version": _text, "alternatives": _array(_ALTERNATIVE)}, ("name", "version"))
_EXCEPTION = _object({"name": _text, "fields": _anything, "comps": _anything, "values": _anything}, ("name",))
_RULES = _array(
    _object(
        {
            "required_engine_version": _text,
            "required_plugin_versions": _array(_PLUGIN),
            "macro": _text,
            "condition": _text,
            "list": _text,
            "items": _array(_item),
            "rule": _text,
            "desc": _text,
            "enabled": _boolean,
            "output": _text,
            "append": _boolean,
            "priority": _one_of(
                "EMERGENCY",
                "ALERT",
                "CRITICAL",
                "ERROR",
                "WARNING",
                "NOTICE",
                "INFO",
                "INFORMATIONAL",
                "DEBUG",
            ),
            "capture": _boolean,
            "capture_duration": _integer,
            "source": _text,
            "exceptions": _array(_EXCEPTION),
            "override": _object(dict.fromkeys(_OVERRIDE_KEYS, _one_of("append", "replace")), at_least=1),
            "tags": _array(_text),
            "warn_evttypes": _boolean,
            "skip-if-unknown-filter": _boolean,
        }
    )
)


def schema_warnings(documents: Iterable[Value | None], strict: bool = False) -> list[str]:
    """Return what does not fit the schema, in every document of a file; empty when all fits.

    With ``strict``, as in Falco, a first document that fits hides what is wrong with the others, and one that does not
    lists ``ok`` for each of the others that fits.
    """
    found: list[str] = []
    for number, document in enumerate(documents):
        before = len(found)
        if document is not None:
            _RULES(document, "<root>", found)
        else:
            _report(found, "<root>", _WRONG_TYPE)
        if strict and len(found) == before:
            if number == 0:
                return []
            found.append("ok")
    return found
