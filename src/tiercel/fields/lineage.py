"""Fields about parents and ancestors, as they were at the event.

Without an index, conditions look through all ancestors from the parent upwards (``proc.aname = sshd`` holds when any of
them is), and output shows their texts joined by blanks.
"""

from __future__ import annotations

from dataclasses import replace

from tiercel.fields import lineage_walk, steady
from tiercel.fields.bulk import I64, Cell, Reading, number_getters, text_getters
from tiercel.fields.lineage_env import AENV
from tiercel.fields.lineage_time import PARENT_AGE
from tiercel.fields.make import number, text
from tiercel.fields.model import Argument, Column, Field, Value, ValueType
from tiercel.fields.process_id import SHOWN_PID
from tiercel.fields.process_text import ARGS, CMDLINE, COMM, EXE, EXEPATH, join
from tiercel.fields.subjects import PARENT, PARENT_THREAD, Ancestor, level, steady_lineages
from tiercel.model.batch import Batch
from tiercel.model.columns import P
from tiercel.model.event import Event

_HIDDEN = -(1 << 63)
_SELF = Ancestor(0)


def _spread(batch: Batch, indices: I64, ask: steady.ColumnGetter) -> Column:
    return steady.spread(batch, indices, lineage_walk.LINEAGE, steady_lineages, ask)


def _kept(field: Field) -> Field:
    """Return the field with its column made once for each caller whose lineage is steady."""
    bulk = field.bulk
    assert bulk is not None

    def spread(batch: Batch, indices: I64, argument: str | int | None) -> Column:
        return _spread(batch, indices, lambda at: bulk(batch, at, argument))

    return replace(field, bulk=spread)


def _family(name: str, reading: Reading, summary: str, example: str, searched: bool = True) -> Field:
    """A text of any ancestor; ``searched`` says that conditions without an index try each of them."""
    one_row, one_bulk = text_getters(PARENT, reading)

    def texts(event: Event) -> list[bytes]:
        return [event.text(reading.one(event.batch.tables, row)) or b"" for row in lineage_walk.walk(event)]

    def printed(event: Event, argument: str | int | None) -> Value | None:
        return join(texts(event)) if level(argument) is None else one_row(event, argument)

    def row(event: Event, argument: str | int | None) -> Value | None:
        return (texts(event) or None) if level(argument) is None else one_row(event, argument)

    def bulk(batch: Batch, indices: I64, argument: str | int | None) -> Column:
        if level(argument) is not None:
            return _spread(batch, indices, lambda at: one_bulk(batch, at, argument))
        if searched:
            return lineage_walk.column(batch, indices, reading, text=True)
        return lineage_walk.joined(batch, indices, reading)

    return Field(
        name,
        ValueType.CHARBUF,
        summary,
        example,
        row if searched else printed,
        bulk,
        Argument.OPTIONAL,
        index=True,
        no_rhs=searched,
        no_transformer=searched,
        number_format="na",
        printed=printed,
    )


def _apid() -> Field:
    pid_row, pid_bulk = number_getters(_SELF, SHOWN_PID, ValueType.INT64, _HIDDEN)

    def row(event: Event, argument: str | int | None) -> Value | None:
        if level(argument) is not None:
            return pid_row(event, argument)
        return [event.process_cell(P.PID, row) for row in lineage_walk.walk(event)] or None

    def bulk(batch: Batch, indices: I64, argument: str | int | None) -> Column:
        if level(argument) is not None:
            return _spread(batch, indices, lambda at: pid_bulk(batch, at, argument))
        return lineage_walk.column(batch, indices, Cell(P.PID), text=False)

    return Field(
        "proc.apid",
        ValueType.INT64,
        "Process id of an ancestor: [1] is the parent; without index any of them in conditions, the process in output.",
        "1",
        row,
        bulk,
        Argument.OPTIONAL,
        index=True,
        no_rhs=True,
        no_transformer=True,
        number_format="id",
        printed=pid_row,
    )


FIELDS: tuple[Field, ...] = (
    _kept(text("proc.pname", PARENT, COMM, "Name of the parent process.", "bash")),
    _kept(text("proc.pexe", PARENT, EXE, "First argument of the parent's command line.", "/bin/bash")),
    _kept(text("proc.pexepath", PARENT, EXEPATH, "Full path of the parent's executable.", "/usr/bin/bash")),
    _kept(text("proc.pcmdline", PARENT, CMDLINE, "Name and arguments of the parent.", "bash /root/run.sh")),
    _kept(
        number(
            "proc.ppid",
            ValueType.INT64,
            PARENT,
            SHOWN_PID,
            "Id of the parent process.",
            "2868",
            none=_HIDDEN,
            number_format="id",
        )
    ),
    _kept(
        number(
            "proc.pvpid",
            ValueType.INT64,
            PARENT_THREAD,
            Cell(P.VPID),
            "Id of the parent inside the parent's own pid namespace.",
            "1",
            number_format="id",
        )
    ),
    _family("proc.aname", COMM, "Name of an ancestor: [1] is the parent, [2] its parent; without index any.", "sshd"),
    _family(
        "proc.aexe", EXE, "First argument of an ancestor's command line; without index any ancestor.", "/sbin/init"
    ),
    _family("proc.aexepath", EXEPATH, "Full path of an ancestor's executable; without index any.", "/usr/sbin/sshd"),
    _family("proc.acmdline", CMDLINE, "Name and arguments of an ancestor; without index any ancestor.", "sshd -D"),
    _family(
        "proc.aargs",
        ARGS,
        "Arguments of an ancestor; without index those of all ancestors joined by blanks.",
        "-D",
        searched=False,
    ),
    _apid(),
    AENV,
    lineage_walk.LOGINSHELLID,
    PARENT_AGE,
    _kept(
        number(
            "proc.ppid.ts",
            ValueType.RELTIME,
            PARENT_THREAD,
            Cell(P.CLONE_TS),
            "When the parent process started, in nanoseconds since the epoch; 0 if it ran before the capture.",
            "1795309483648959200",
        )
    ),
)
