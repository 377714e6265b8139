"""What transformers do to values, as in libs 0.25.4. Text is bytes; ``None`` is no value."""

from __future__ import annotations

import binascii
from collections.abc import Callable, Sequence

from tiercel.fields.model import Value

_BASE64 = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")


def decode_base64(text: bytes) -> bytes | None:
    """Return decoded base64, with or without padding; ``None`` when the text is not exactly that.

    Bits left over after the last whole byte must be zero, and anything but the 64 characters is refused.
    """
    body = text[:-2] if text.endswith(b"==") else text[:-1] if text.endswith(b"=") else text
    if not body:
        return b"" if not text else None
    if len(body) % 4 == 1 or not _BASE64.issuperset(body):
        return None
    decoded = binascii.a2b_base64(body + b"=" * (-len(body) % 4))
    if len(body) % 4 and binascii.b2a_base64(decoded, newline=False).rstrip(b"=") != body:
        return None
    return decoded


def basename(text: bytes) -> bytes:
    """Return what follows the last ``/``."""
    return text[text.rfind(b"/") + 1 :]


_ON_TEXT: dict[str, Callable[[bytes], bytes | None]] = {
    "tolower": bytes.lower,  # ASCII letters only, as tolower(3) in the C locale
    "toupper": bytes.upper,
    "b64": decode_base64,
    "basename": basename,
}


def on_text(name: str, text: bytes) -> bytes | int | None:
    """Apply a transformer of one argument to one text."""
    if name == "len":
        return len(text)
    # libs drops NULs at the end before it transforms; buffers can have them.
    return _ON_TEXT[name](text.rstrip(b"\0"))


def on_list(name: str, items: Sequence[bytes]) -> list[bytes] | int | None:
    """Apply a transformer of one argument to a list; one item without a result leaves the whole without one."""
    if name == "len":
        return len(items)
    function = _ON_TEXT[name]
    results = []
    for item in items:
        result = function(item.rstrip(b"\0"))
        if result is None:
            return None
        results.append(result)
    return results


def as_text(value: Value | tuple[bytes, ...]) -> bytes:
    """Return an item of a list literal as text: numbers are printed in decimal."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, bool):
        return b"true" if value else b"false"
    return str(value).encode()


def apply(name: str, values: Sequence[Value | tuple[bytes, ...]], option: str | None = None) -> Value | None:
    """Apply a transformer to values that are all present.

    Args:
        name: tolower, toupper, b64, basename, len, join, concat, getopt, or ``list`` for a list literal.
        values: its arguments in order; lists are sequences of bytes.
        option: the selector in brackets after getopt.

    Returns:
        The result, ``None`` when there is none: base64 that does not decode, an option that was not given.
    """
    first = values[0] if values else b""
    if name == "list":
        items: list[bytes] = []
        for value in values:
            items.extend(map(as_text, value) if isinstance(value, list) else (as_text(value),))
        return items
    if name == "join":
        separator, parts = values
        assert isinstance(separator, bytes)
        assert isinstance(parts, list | tuple)
        return separator.join(parts)  # type: ignore[arg-type]
    if name == "concat":
        return b"".join(value for value in values if isinstance(value, bytes))
    if name == "getopt":
        arguments, options = values
        assert isinstance(arguments, list | tuple)
        assert isinstance(options, bytes)
        return getopt(arguments, options, option)  # type: ignore[arg-type]
    if isinstance(first, list | tuple):
        return on_list(name, first)  # type: ignore[arg-type]
    assert isinstance(first, bytes)
    return on_text(name, first)


class Options:
    """A getopt(3) option string, decoded: which letters are options, and which of them take a value."""

    def __init__(self, text: bytes) -> None:
        self.valid: set[int] = set()
        self.with_value: set[int] = set()
        letters = text.removeprefix(b":")
        for index, letter in enumerate(letters):
            if letter == 0x3A:
                continue
            self.valid.add(letter)
            if letters[index + 1 : index + 2] == b":":
                self.with_value.add(letter)


def getopt(arguments: Sequence[bytes], options: bytes, option: str | None = None) -> list[bytes] | bytes | None:
    """Return the short options of a command line.

    Without ``option`` the result lists each option's letter followed by its value if it takes one, ``?`` for unknown
    letters and an empty text for a missing value. With ``option`` it is the value, or the letter, of its last use;
    ``None`` when it was not used. Long options are skipped; the first operand, ``-`` or ``--`` ends the scan.
    """
    known = Options(options)
    wanted = None if option is None else option.encode()[0]
    found: list[bytes] = []
    selected: bytes | None = None
    index = 0
    while index < len(arguments):
        argument = arguments[index]
        if argument == b"--":
            break
        if argument.startswith(b"--"):
            index += 1
            continue
        if len(argument) < 2 or argument[:1] != b"-":
            break
        for place in range(1, len(argument)):
            letter = argument[place]
            if letter not in known.valid:
                if wanted is None:
                    found.append(b"?")
                continue
            name = argument[place : place + 1]
            if letter not in known.with_value:
                if wanted is None:
                    found.append(name)
                elif letter == wanted:
                    selected = name
                continue
            value: bytes | None = argument[place + 1 :]
            if not value:
                index += 1
                value = arguments[index] if index < len(arguments) else None
            if wanted is None:
                found.extend((b"",) if value is None else (name, value))
            elif letter == wanted:
                selected = value or b""
            break
        index += 1
    return found if wanted is None else selected
