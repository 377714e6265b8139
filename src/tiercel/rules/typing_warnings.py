"""What is doubtful about the constants of a check, as Falco sees it."""

from __future__ import annotations

import re
from collections.abc import Callable

from tiercel.rules import lexer
from tiercel.rules.parse_tree import Argument, Call, FieldName, Items
from tiercel.rules.syntax import Operator

_NEEDLESS_REGEX = re.compile(r"\^?(?:\.[+*?])?[^.+*?^$()\[\]{}|\\]*(?:\.[+*?])?\$?")
_FIELD_LIKE = re.compile(r"[a-zA-Z][\w]*(?:\.[a-zA-Z]\w*)+(?:\[.*\])?")
_CALL_LIKE = re.compile(rf"(?:val|{'|'.join(lexer.TRANSFORMERS)})\(.*\)")
NA_OPERATORS = (
    Operator.EQ,
    Operator.EQ2,
    Operator.NE,
    Operator.IN,
    Operator.INTERSECTS,
    Operator.PMATCH,
)


def doubtful(text: str, operator: Operator, is_field: Callable[[str], bool]) -> str:
    """Return what is doubtful about a constant, an empty text when nothing is.

    Doubtful are patterns that need no regex, and constants that spell a field or a transformer.
    """
    if operator is Operator.REGEX and _NEEDLESS_REGEX.fullmatch(text):
        return (
            f"regex check with '{text}' may be optimized with simpler operators such as "
            "'=', 'contains', 'startswith', 'endswith'"
        )
    if "." not in text and "(" not in text:
        return ""
    compact = "".join(text.split())
    if _FIELD_LIKE.fullmatch(compact) and is_field(compact):
        return f"'{text}' may be a valid field misused as a const string value"
    if _CALL_LIKE.fullmatch(compact):
        return f"'{text}' may be a valid field transformer misused as a const string value"
    return ""


def never_unset(tree: Argument) -> bool:
    """Return whether the last field named is one that Falco's plugins never leave unset."""
    while isinstance(tree, Call | Items):
        inner = tree.arguments if isinstance(tree, Call) else tree.items
        if not inner:
            return False
        tree = inner[-1]
    return isinstance(tree, FieldName) and tree.name.startswith(("ka.", "jevt."))
