"""Tokens of the condition language, as libs 0.25.4 reads them."""

from __future__ import annotations

import re

BLANK = re.compile(r"[ \t\x08\r\n]*")
IDENTIFIER = re.compile(r"[a-zA-Z]+[a-zA-Z0-9_]*")
FIELD = re.compile(r"[a-zA-Z]+[a-zA-Z0-9_]*(?:\.[a-zA-Z]+[a-zA-Z0-9_]*)+")
FIELD_ARGUMENT = re.compile(r"[^\]\[\"' \t\n\r\f\v\0]+")
BARE = re.compile(r"[^()\"' \t\n\r\f\v=,\0]+")
NUMBER = re.compile(r"0[xX][0-9a-fA-F]+|[+-]?[0-9]+\.?[0-9]*(?:[eE][+-][0-9]+)?")
NOT = re.compile(r"not[ \t\n\r\f\v]+")

LIST_ITEM = re.compile(r"[ \t\x08\r\n]*([^()\"' \t\n\r\f\v=,\0]+)[ \t\x08\r\n]*([,)])")
"""One bare item of a list with the comma or parenthesis after it."""

UNARY_OPERATORS = ("exists",)
NUMBER_OPERATORS = ("<=", "<", ">=", ">")
SYMBOL_OPERATORS = ("==", "=", "!=")
WORD_OPERATORS = (
    "glob",
    "iglob",
    "contains",
    "icontains",
    "bcontains",
    "startswith",
    "bstartswith",
    "endswith",
    "regex",
)
LIST_OPERATORS = ("intersects", "in", "pmatch")
MODIFIERS = ("oneof", "anyof", "allof")
OPERATORS = (*UNARY_OPERATORS, *NUMBER_OPERATORS, *SYMBOL_OPERATORS, *WORD_OPERATORS, *LIST_OPERATORS)
TRANSFORMERS = ("tolower", "toupper", "b64", "basename", "len", "join", "concat", "getopt")

# A word operator wants a blank after it; the list operators do not.
OPERATOR = re.compile(
    f"(exists)|({'|'.join(NUMBER_OPERATORS)})"
    f"|({'|'.join(SYMBOL_OPERATORS)}|(?:{'|'.join(WORD_OPERATORS)})(?=[ \\t\\x08\\r\\n]))"
    f"|({'|'.join(LIST_OPERATORS)})"
)
MODIFIER = re.compile(f"({'|'.join(MODIFIERS)})[ \\t\\x08\\r\\n]+")
TRANSFORMER = re.compile(f"({'|'.join(TRANSFORMERS)})\\(")
BOOLEAN_WORD = re.compile(r"(?:and|or|not)(?![a-zA-Z0-9])")

_UNESCAPED = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", " ": "\\", "\\": "\\", "/": "/"}
_ESCAPED = {"\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\", '"': '\\"'}
_NEEDS_QUOTES = re.compile(r"[\x08\f\n\r\t =\\\"']")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


def closing_quote(text: str, at: int) -> int:
    """Return the offset of the quote that closes the one at ``at``, -1 when there is none.

    A quote after a backslash does not close, whatever stands before the backslash.
    """
    quote = text[at]
    end = text.find(quote, at + 1)
    while end > at + 1 and text[end - 1] == "\\":
        end = text.find(quote, end + 1)
    return end


def unescape(body: str, quote: str) -> str:
    """Return the text between two quotes with its escapes resolved.

    Raises:
        ValueError: an escape that is not known, or a quote of the other kind escaped.
    """
    if "\\" not in body:
        return body

    def replace(match: re.Match[str]) -> str:
        char = match[1]
        if char in "\"'":
            if char != quote:
                raise ValueError(f"\\{char} may not stand between {quote} quotes: {char} needs no backslash there")
            return char
        if char not in _UNESCAPED:
            raise ValueError(f"unknown escape \\{char}: write \\\\{char} for a backslash followed by {char}")
        return _UNESCAPED[char]

    return _ESCAPE.sub(replace, body)


def escape(text: str) -> str:
    """Return a constant as Falco prints it: quoted and escaped where its characters ask for it."""
    if not _NEEDS_QUOTES.search(text):
        return text
    return '"' + "".join(_ESCAPED.get(char, char) for char in text) + '"'
