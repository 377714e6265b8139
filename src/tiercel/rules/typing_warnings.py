"""What is doubtful about the constants of a check, as Falco sees it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from tiercel.rules import lexer
from tiercel.rules.parse_tree import Argument, Call, Compare, FieldName, Items
from tiercel.rules.syntax import Operator

_NEEDLESS_REGEX = re.compile(r"\^?(?:\.[+*?])?[^.+*?^$()\[\]{}|\\]*(?:\.[+*?])?\$?")
_FIELD_LIKE = re.compile(r"[a-zA-Z][\w]*(?:\.[a-zA-Z]\w*)+(?:\[.*\])?")
_CALL_LIKE = re.compile(rf"(?:val|{'|'.join(lexer.TRANSFORMERS)})\(.*\)")
_NA_OPERATORS = (
    Operator.EQ,
    Operator.EQ2,
    Operator.NE,
    Operator.IN,
    Operator.INTERSECTS,
    Operator.PMATCH,
)


def doubtful_values(
    tree: Compare,
    operator: Operator,
    written: tuple[str, ...],
    places: tuple[int, ...],
    is_field: Callable[[str], bool],
) -> Iterator[tuple[str, str, int]]:
    """Yield (code, message, offset) for each doubt about the constants ``written`` at ``places``.

    Doubtful are patterns that need no regex, constants that spell a field or a transformer, and comparisons with
    ``<NA>`` of fields that never are.
    """
    for text, place in zip(written, places, strict=True):
        if operator is Operator.REGEX and _NEEDLESS_REGEX.fullmatch(text):
            message = (
                f"regex check with '{text}' may be optimized with simpler operators such as "
                "'=', 'contains', 'startswith', 'endswith'"
            )
            yield "LOAD_COMPILE_CONDITION", message, place
        if "." not in text and "(" not in text:
            continue
        compact = "".join(text.split())
        if _FIELD_LIKE.fullmatch(compact) and is_field(compact):
            message = f"'{text}' may be a valid field misused as a const string value"
            yield "LOAD_COMPILE_CONDITION", message, place
        elif _CALL_LIKE.fullmatch(compact):
            message = f"'{text}' may be a valid field transformer misused as a const string value"
            yield "LOAD_COMPILE_CONDITION", message, place
    if "<NA>" in written and operator in _NA_OPERATORS and _never_unset(tree.left):
        yield "LOAD_UNSAFE_NA_CHECK", "", places[written.index("<NA>")]


def _never_unset(tree: Argument) -> bool:
    """Return whether the last field named is one that Falco's plugins never leave unset."""
    while isinstance(tree, Call | Items):
        inner = tree.arguments if isinstance(tree, Call) else tree.items
        if not inner:
            return False
        tree = inner[-1]
    return isinstance(tree, FieldName) and tree.name.startswith(("ka.", "jevt."))
