"""Comparisons of one value with a check's right-hand side.

``matcher`` turns a check into a function of one present value; a missing value never reaches it, since a missing
field makes every comparison false. Text is compared as bytes, the way the kernel reported it.
"""

from __future__ import annotations

import ctypes
import fnmatch
import operator
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import re2

from tiercel.fields.catalogue import FIELDS
from tiercel.fields.model import ValueType
from tiercel.rules.syntax import Check, FieldRef, Literal, Modifier, Operand, Operator

_Made = TypeVar("_Made")

Matcher = Callable[[Any], bool]
"""Takes one value of the left side, answers whether the check holds."""

_NUMERIC: dict[Operator, Callable[[Any, Any], bool]] = {
    Operator.EQ: operator.eq,
    Operator.EQ2: operator.eq,
    Operator.NE: operator.ne,
    Operator.LT: operator.lt,
    Operator.LE: operator.le,
    Operator.GT: operator.gt,
    Operator.GE: operator.ge,
}

_SHARED = 64  # constants from which on what is made of them is kept for other checks
_MOST_KEPT = 256

_kept: dict[tuple[int, str], tuple[tuple[Literal, ...], Any]] = {}


def _shared(values: tuple[Literal, ...], kind: str, make: Callable[[tuple[Literal, ...]], _Made]) -> _Made:
    """Return what ``make`` makes of constants; of a long tuple that checks share, it is made once."""
    if len(values) < _SHARED:
        return make(values)
    key = id(values), kind  # the tuple is kept too, so no other one can have its number
    found = _kept.get(key)
    if found is None:
        if len(_kept) >= _MOST_KEPT:
            _kept.clear()
        found = _kept[key] = values, make(values)
    made: _Made = found[1]
    return made


_FNM_CASEFOLD = 16  # glibc's value

_fnmatch: Any = None
try:
    _fnmatch = ctypes.CDLL(None).fnmatch
    _fnmatch.argtypes = (ctypes.c_char_p, ctypes.c_char_p, ctypes.c_int)
except (AttributeError, OSError):  # no C library with fnmatch to be found
    pass


def operand_type(operand: Operand) -> ValueType:
    """Return the type of the values an operand yields."""
    return operand.field.type if isinstance(operand, FieldRef) else operand.type


def operand_is_list(operand: Operand) -> bool:
    """Return whether an operand yields a list, compared with ``in`` (all) and ``intersects`` (any)."""
    return operand.field.is_list if isinstance(operand, FieldRef) else operand.is_list


def glob(pattern: bytes, text: bytes, fold: bool = False) -> bool:
    """Match a shell pattern against the whole text; ``*`` also crosses ``/``, as fnmatch(3) without flags does."""
    if _fnmatch is not None and sys.platform == "linux":
        return bool(_fnmatch(pattern, text, _FNM_CASEFOLD if fold else 0) == 0)
    if fold:
        pattern, text = pattern.lower(), text.lower()
    return fnmatch.fnmatchcase(text.decode("latin-1"), pattern.decode("latin-1"))


def in_network(address: bytes, network: tuple[bytes, int]) -> bool:
    """Return whether an address lies in a network of its own family."""
    base, prefix = network
    if len(address) != len(base):
        return False
    shift = len(base) * 8 - prefix
    return int.from_bytes(address) >> shift == int.from_bytes(base) >> shift


class PathPrefixes:
    """Paths of which one must be a prefix of the text, component by component; components may be patterns."""

    def __init__(self, paths: Sequence[bytes]) -> None:
        self.paths = [[part for part in path.split(b"/") if part] for path in paths]

    def __call__(self, text: bytes) -> bool:
        parts = [part for part in text.split(b"/") if part]
        return any(self._prefix(path, parts) for path in self.paths)

    @staticmethod
    def _prefix(path: list[bytes], parts: list[bytes]) -> bool:
        if len(path) > len(parts):
            return False
        for wanted, part in zip(path, parts, strict=False):
            if wanted != part and not (any(c in wanted for c in b"?*[") and glob(wanted, part)):
                return False
        return True


def compile_regex(pattern: bytes) -> Matcher:
    """Return a matcher for an RE2 pattern anchored at both ends.

    Raises:
        ValueError: the pattern is not RE2.
    """
    options = re2.Options()
    options.posix_syntax = True
    options.longest_match = True
    options.encoding = re2.Options.Encoding.UTF8
    options.log_errors = False
    try:
        compiled = re2.compile(pattern, options)
    except re2.error as error:
        raise ValueError(f"invalid regex pattern: {error}") from error
    fullmatch = compiled.fullmatch
    return lambda text: fullmatch(text) is not None


def _text(op: Operator, value: Any) -> Matcher:
    """Return a matcher of texts for one operator and one right-hand value."""
    if op in _NUMERIC:
        compare = _NUMERIC[op]
        return lambda text: compare(text, value)
    if op in (Operator.CONTAINS, Operator.BCONTAINS):
        return lambda text: value in text
    if op is Operator.ICONTAINS:
        folded = value.lower()
        return lambda text: folded in text.lower()
    if op in (Operator.STARTSWITH, Operator.BSTARTSWITH):
        return lambda text: text.startswith(value)
    if op is Operator.ENDSWITH:
        return lambda text: text.endswith(value)
    if op is Operator.GLOB:
        return lambda text: glob(value, text)
    if op is Operator.IGLOB:
        return lambda text: glob(value, text, True)
    if op is Operator.REGEX:
        return compile_regex(value)
    if op is Operator.PMATCH:
        return PathPrefixes([value])
    if op in (Operator.IN, Operator.INTERSECTS):
        return lambda text: bool(text == value)
    raise ValueError(f"operator '{op}' does not compare text")


def _network(op: Operator, value: Any) -> Matcher:
    if op is Operator.NE:
        return lambda address: not in_network(address, value)
    return lambda address: in_network(address, value)


def single(type: ValueType, op: Operator, value: Literal) -> Matcher:
    """Return a matcher for one right-hand value of a left side of the given type."""
    if type is ValueType.IPNET:
        return _network(op, value)
    if isinstance(value, bytes):
        return _text(op, value)
    if op in (Operator.IN, Operator.INTERSECTS):
        return lambda number: bool(number == value)
    compare = _NUMERIC[op]
    return lambda number: compare(number, value)


def _paths(values: tuple[Literal, ...]) -> PathPrefixes:
    return PathPrefixes([value for value in values if isinstance(value, bytes)])


def _modified(check: Check, type: ValueType) -> Matcher:
    if type is not ValueType.IPNET:
        if check.operator in (Operator.EQ, Operator.EQ2) and check.modifier is Modifier.ANYOF:
            return _shared(check.values, "members", frozenset).__contains__
        if check.operator is Operator.NE and check.modifier is Modifier.ALLOF and check.values:
            members = _shared(check.values, "members", frozenset)
            return lambda value: value not in members
    matchers = [single(type, check.operator, value) for value in check.values]
    if not matchers:
        return lambda _value: False
    if check.modifier is Modifier.ANYOF:
        return lambda value: any(match(value) for match in matchers)
    if check.modifier is Modifier.ALLOF:
        return lambda value: all(match(value) for match in matchers)
    return lambda value: sum(match(value) for match in matchers) == 1


_ENDS = frozenset({"fd.ip", "fd.net", "fd.port", "fd.proto"})


def effective(check: Check) -> Check:
    """Return the check that is evaluated for one that is written.

    ``evt.around[T] = D`` holds within the distance D of the time T, whatever the operator. ``fd.ip exists`` and its
    like ask for a known descriptor, not for one with addresses. ``fd.net`` is compared with the first network only, and
    modifiers do nothing for fields that hold both ends: ``fd.ip = anyof (a, b)`` asks for a.
    """
    if not isinstance(check.left, FieldRef):
        return check
    name = check.left.field.name
    if name == "evt.around" and check.operator is not Operator.EXISTS:
        return replace(check, operator=Operator.LE)
    if name == "fd.net" and check.operator in (Operator.IN, Operator.INTERSECTS):
        return replace(check, values=check.values[:1])  # compare_net of sinsp_filtercheck_fd.cpp
    if name in _ENDS and check.operator is Operator.EXISTS:
        return replace(check, left=FieldRef(FIELDS["fd.type"], None))
    if name == "fd.net" or (name in _ENDS and check.modifier is not None):
        return replace(check, modifier=None, values=check.values[:1])
    return check


def matcher(check: Check) -> Matcher:
    """Return the function that tells whether ``check`` holds for one value (one element, for a list).

    Raises:
        ValueError: a right-hand value cannot be used, for example a bad pattern.
    """
    type = operand_type(check.left)
    op = check.operator
    if op is Operator.EXISTS:
        return lambda _value: True
    if check.modifier is not None:
        return _modified(check, type)
    if op in (Operator.IN, Operator.INTERSECTS):
        if type is ValueType.IPNET:
            networks = [value for value in check.values if isinstance(value, tuple)]
            return lambda address: any(in_network(address, network) for network in networks)
        return _shared(check.values, "members", frozenset).__contains__
    if op is Operator.PMATCH:
        return _shared(check.values, "paths", _paths)
    if not check.values:
        return lambda _value: False
    return single(type, op, check.values[0])


def needs_all_elements(check: Check) -> bool:
    """Return whether every element must match, for fields with several values.

    A list field is compared with ``in`` as a subset. ``fd.ip``, ``fd.port`` and their like hold both ends of a
    connection: ``!=`` holds when neither end is the value.
    """
    if operand_is_list(check.left):
        return check.operator is Operator.IN
    pair = isinstance(check.left, FieldRef) and check.left.field.name.startswith(("fd.", "net."))
    return pair and check.operator is Operator.NE
