"""What a process is called and was started with: names, arguments, environment, working directory."""

from __future__ import annotations

from functools import cache

from tiercel.fields.bulk import I64, Cell, Derived, derived_text
from tiercel.fields.make import number, text
from tiercel.fields.model import Argument, BulkGetter, Column, Field, RowGetter, Value, ValueType
from tiercel.fields.process_text import ARGS, CMDLINE, COMM, ENV, EXE, EXELINE, EXEPATH, environment_value, items
from tiercel.fields.subjects import CALLER, caller_text, level
from tiercel.model.batch import Batch, Tables
from tiercel.model.columns import P
from tiercel.model.event import Event


def _nth_item(index: int) -> Derived:
    def item(tables: Tables, args: int) -> bytes:
        arguments = items(tables.strings.get(args))
        return arguments[index] if index < len(arguments) else b""

    return derived_text(item, P.ARGS)


@cache
def _args(index: int | None) -> tuple[RowGetter, BulkGetter]:
    return caller_text(ARGS if index is None else _nth_item(index))


@cache
def env_reading(name: str | None) -> Derived:
    """Return the reading of one environment variable; all of them without a name."""
    if name is None:
        return ENV
    wanted = name.encode()
    return derived_text(lambda tables, env: environment_value(items(tables.strings.get(env)), wanted), P.ENV)


@cache
def _env(name: str | None) -> tuple[RowGetter, BulkGetter]:
    return caller_text(env_reading(name))


def variable(argument: str | int | None) -> str | None:
    """Return the variable's name in the brackets; digits alone name no variable."""
    if argument is None or isinstance(argument, int) or not argument or argument.isdigit():
        return None
    return argument


def _args_row(event: Event, argument: str | int | None) -> Value | None:
    return _args(level(argument))[0](event, None)


def _args_bulk(batch: Batch, indices: I64, argument: str | int | None) -> Column:
    return _args(level(argument))[1](batch, indices, None)


def _env_row(event: Event, argument: str | int | None) -> Value | None:
    return _env(variable(argument))[0](event, None)


def _env_bulk(batch: Batch, indices: I64, argument: str | int | None) -> Column:
    return _env(variable(argument))[1](batch, indices, None)


def _count(tables: Tables, args: int) -> int:
    return len(items(tables.strings.get(args)))


def _length(tables: Tables, args: int) -> int:
    return sum(map(len, items(tables.strings.get(args))))


FIELDS: tuple[Field, ...] = (
    text("proc.name", CALLER, COMM, "Name of the process as the kernel keeps it, at most 15 characters.", "bash"),
    text("proc.exe", CALLER, EXE, "First argument of the command line, which a program may choose freely.", "/bin/sh"),
    text("proc.exepath", CALLER, EXEPATH, "Full path of the executable, symbolic links resolved.", "/usr/bin/bash"),
    Field(
        "proc.args",
        ValueType.CHARBUF,
        "Arguments after the first, joined by blanks; with an index counted from 0, that argument.",
        "-c id",
        _args_row,
        _args_bulk,
        Argument.OPTIONAL,
        index=True,
        number_format="na",
    ),
    text("proc.cmdline", CALLER, CMDLINE, "Name and arguments, joined by blanks.", "bash -c id"),
    text("proc.exeline", CALLER, EXELINE, "First argument and the others, joined by blanks.", "/bin/bash -c id"),
    number(
        "proc.cmdnargs", ValueType.UINT64, CALLER, Derived(_count, P.ARGS), "How many arguments follow the first.", "2"
    ),
    number(
        "proc.cmdlenargs",
        ValueType.UINT64,
        CALLER,
        Derived(_length, P.ARGS),
        "How long the arguments after the first are together, blanks between them not counted.",
        "4",
    ),
    Field(
        "proc.env",
        ValueType.CHARBUF,
        "Environment as NAME=value pairs joined by blanks; with a name, the value of that variable.",
        "HOME=/root PATH=/usr/bin",
        _env_row,
        _env_bulk,
        Argument.OPTIONAL,
        key=True,
        number_format="na",
    ),
    text("proc.cwd", CALLER, Cell(P.CWD), "Working directory, always ending in a slash.", "/root/"),
)
