"""Conditions from text to typed tree.

A rule set goes through it like this::

    lists = ConditionLists(definitions)
    macros = Macros()
    for macro in ...:
        macros.define(macro.name, parse(macro.condition, lists, locate), macro.index, macro.visibility)
    macros.resolve_all()
    compiler = ConditionCompiler(macros)
    compiled = compiler.compile(parse(rule.condition, lists, locate))

One text without lists and macros: ``compile_condition("evt.type = open and fd.name startswith /etc")``.
"""

from __future__ import annotations

from dataclasses import dataclass

from tiercel.rules.condition_lists import ConditionLists, ListDefinition, quote_item
from tiercel.rules.condition_text import ConditionError, ConditionText, ConditionWarning, Locate
from tiercel.rules.macros import Macros
from tiercel.rules.parse_tree import Parsed
from tiercel.rules.parser import parse_text
from tiercel.rules.syntax import Node
from tiercel.rules.typing_check import Typing
from tiercel.rules.typing_constants import Constants
from tiercel.rules.typing_fields import FieldNames, Finder, catalogue_find

__all__ = [
    "Compiled",
    "ConditionCompiler",
    "ConditionError",
    "ConditionLists",
    "ConditionText",
    "ConditionWarning",
    "ListDefinition",
    "Locate",
    "Macros",
    "Parsed",
    "compile_condition",
    "parse",
    "quote_item",
]


def parse(written: str, lists: ConditionLists | None = None, locate: Locate | None = None) -> Parsed:
    """Parse a condition with its lists put in; macros stay identifiers.

    Args:
        written: the condition as it stands in the rules file.
        lists: the lists it may use; those it uses are marked used.
        locate: gives the place in the rules file of an offset in ``written``.

    Raises:
        ConditionError: the text is not a condition.
    """
    if lists is None:
        return parse_text(ConditionText(written, locate))
    return lists.parse(lists.insert(written, locate), locate)


@dataclass(frozen=True, slots=True)
class Compiled:
    """A condition ready to be evaluated.

    Attributes:
        node: the typed condition.
        parsed: the parse tree with lists and macros put in, for :mod:`tiercel.rules.show`.
        warnings: what is doubtful, macros included, each warning once.
    """

    node: Node
    parsed: Parsed
    warnings: tuple[ConditionWarning, ...]


class ConditionCompiler:
    """Compiles the conditions of a rule set for one event source.

    Args:
        macros: the macros conditions may use.
        strict: only Falco's fields exist; else tiercel's own do too.
        source: the event source of the rules.
        find: looks a field up by name; the catalogue by default.
        constants: constants typed before, to be shared.
    """

    def __init__(
        self,
        macros: Macros | None = None,
        strict: bool = False,
        source: str = "syscall",
        find: Finder = catalogue_find,
        constants: Constants | None = None,
    ) -> None:
        self.macros = Macros() if macros is None else macros
        self.typing = Typing(FieldNames(strict, source, find), constants)

    def compile(self, parsed: Parsed) -> Compiled:
        """Return the typed condition.

        Raises:
            ConditionError: an undefined macro (``LOAD_ERR_VALIDATE``), or a field, operator, constant or transformer
                that does not fit (``LOAD_ERR_COMPILE_CONDITION``).
        """
        resolved = self.macros.resolve(parsed)
        typed = self.typing.condition(resolved)
        once = {(warning.code, warning.message): warning for warning in reversed(typed.warnings)}
        return Compiled(typed.node, resolved, tuple(reversed(once.values())))


def compile_condition(
    written: str, *, strict: bool = False, source: str = "syscall", find: Finder = catalogue_find
) -> Node:
    """Compile one condition that uses neither lists nor macros.

    Raises:
        ConditionError: the text is not a condition.
    """
    return ConditionCompiler(None, strict, source, find).compile(parse(written)).node
