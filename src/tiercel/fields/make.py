"""Short ways to declare a field made of a subject and a reading."""

from __future__ import annotations

from tiercel.fields.bulk import Reading, Subject, number_getters, text_getters
from tiercel.fields.model import Argument, Field, ValueType
from tiercel.fields.steady import per_caller
from tiercel.fields.subjects import CALLER, caller_text


def text(
    name: str,
    subject: Subject,
    reading: Reading,
    summary: str,
    example: str,
    *,
    argument: Argument = Argument.NONE,
) -> Field:
    """Return a text field."""
    row, bulk = caller_text(reading) if subject is CALLER else text_getters(subject, reading)
    return Field(name, ValueType.CHARBUF, summary, example, row, bulk, argument, number_format="na")


def number(
    name: str,
    type: ValueType,
    subject: Subject,
    reading: Reading,
    summary: str,
    example: str,
    *,
    none: int | None = None,
    number_format: str = "dec",
) -> Field:
    """Return a number field; the raw value ``none`` stands for no value."""
    row, bulk = number_getters(subject, reading, type, none)
    bulk = per_caller(bulk) if subject is CALLER else bulk
    return Field(name, type, summary, example, row, bulk, number_format=number_format)


def truth(name: str, subject: Subject, reading: Reading, summary: str, example: str = "true") -> Field:
    """Return a boolean field, true where the reading is not 0."""
    row, bulk = number_getters(subject, reading, ValueType.BOOL)
    bulk = per_caller(bulk) if subject is CALLER else bulk
    return Field(name, ValueType.BOOL, summary, example, row, bulk, number_format="na")
