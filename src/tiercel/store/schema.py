"""The tables of a segment: their columns, and what each column holds.

A column's description stands beside its type; :func:`document` makes the reference page of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa

from tiercel.model.columns import F, P
from tiercel.state.compact import FILE_TEXTS, PROCESS_TEXTS

SCHEMA_VERSION = 1
"""Version of the tables and the manifest; :mod:`tiercel.store.convert` reads older ones."""

TEXT = pa.int32()
"""Type of a cell that holds the number of a string."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column. ``type`` is its Arrow type; null is allowed where ``nullable``."""

    name: str
    type: pa.DataType
    text: str
    nullable: bool = False


@dataclass(frozen=True)
class TableSchema:
    """One table, a file ``<name>.parquet`` of every segment."""

    name: str
    text: str
    columns: tuple[Column, ...]

    @cached_property
    def arrow(self) -> pa.Schema:
        """The Arrow schema."""
        return pa.schema([pa.field(column.name, column.type, column.nullable) for column in self.columns])

    @cached_property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]

    @cached_property
    def nullable(self) -> frozenset[str]:
        """The columns in which null is allowed."""
        return frozenset(column.name for column in self.columns if column.nullable)

    @cached_property
    def types(self) -> dict[str, pa.DataType]:
        """The type of each column, by name."""
        return {column.name: column.type for column in self.columns}


_PROCESS_TEXT = {
    P.TID: "thread id",
    P.PID: "process id (thread-group id)",
    P.PTID: "thread id of the parent",
    P.REAPER: "thread id of who inherits the children",
    P.VTID: "thread id inside the pid namespace",
    P.VPID: "process id inside the pid namespace",
    P.SID: "session id",
    P.VPGID: "process group inside the pid namespace",
    P.PGID: "process group",
    P.COMM: "name (comm)",
    P.EXE: "argument 0",
    P.EXEPATH: "path of the executable",
    P.ARGS: "arguments after argument 0, each ended by a NUL byte",
    P.CWD: "working directory, ending in a slash",
    P.ROOT: "root directory",
    P.ENV: "environment, KEY=value, each ended by a NUL byte",
    P.CGROUPS: "cgroups, subsystem=path, each ended by a NUL byte",
    P.CONTAINER: "container id, null on the host",
    P.UID: "user id, 4294967295 when unknown",
    P.GID: "group id, 4294967295 when unknown",
    P.LOGINUID: "user id at login, 4294967295 or -1 when none",
    P.TTY: "controlling terminal",
    P.FLAGS: "PPM_CL_* bits of the clone that made it",
    P.FDLIMIT: "most descriptors it may open",
    P.CAP_PERMITTED: "permitted capabilities",
    P.CAP_EFFECTIVE: "effective capabilities",
    P.CAP_INHERITABLE: "inheritable capabilities",
    P.EXE_INO: "inode of the executable",
    P.EXE_CTIME: "change time of the executable, ns since the epoch",
    P.EXE_MTIME: "modification time of the executable, ns since the epoch",
    P.EXE_FLAGS: "1 executable writable by the process, 2 in the upper layer, 4 in the lower layer, 8 from memory",
    P.CLONE_TS: "start, ns since the epoch, 0 when unknown",
    P.LASTEXEC_TS: "last exec, ns since the epoch",
    P.PIDNS_START_TS: "start of the pid namespace, ns since the epoch",
    P.FDOWNER: "thread id under which its descriptors are kept",
    P.EXE_CTIME_TO_CLONE: "ns from the change time of the executable to the start of the process",
}

_FILE_TEXT = {
    F.KIND: "kind of descriptor: 1 and 16 file, 2 directory, 3 and 4 IPv4 and IPv6 connection, 5 and 6 server socket, "
    "7 pipe, 8 Unix socket, 9 eventfd, 11 signalfd, 12 epoll, 13 inotify, 14 timerfd, 15 netlink, 18 bpf, "
    "19 io_uring, 20 memfd, 21 pidfd",
    F.NAME: "path, or ends of the connection",
    F.NAMERAW: "path as it was given",
    F.FLAGS: "what is known of it, as bits: 1 open before the recording, 4 client, 8 server, 8192 connected",
    F.OPENFLAGS: "PPM_O_* bits it was opened with",
    F.DEV: "device number",
    F.INO: "inode",
    F.MOUNT: "mount id",
    F.FAMILY: "address family (PPM_AF_*)",
    F.L4PROTO: "1 none or unknown, 2 TCP, 3 UDP, 4 ICMP, 5 raw",
    F.SIP: "address of the client, 4 or 16 bytes",
    F.DIP: "address of the server, 4 or 16 bytes",
    F.SPORT: "port of the client",
    F.DPORT: "port of the server",
    F.UNIX_SOURCE: "kernel address of this end of a Unix socket",
    F.UNIX_DEST: "kernel address of the other end of a Unix socket",
    F.PID: "process id of a pidfd",
    F.FD: "a descriptor number the row was used for; rows alike but for the number are one",
    F.SOCKET: "what is known of a socket, as packed bytes",
}


def _cells(
    members: Iterable[P | F], texts: tuple[P | F, ...], about: dict[P, str] | dict[F, str]
) -> tuple[Column, ...]:
    columns = []
    for member in members:
        if member.name == "COUNT":
            continue
        description = about[member]  # type: ignore[index]
        if member in texts:
            columns.append(Column(member.name.lower(), TEXT, f"{description} (string)", True))
        else:
            columns.append(Column(member.name.lower(), pa.int64(), description))
    return tuple(columns)


_SINCE = Column("since", pa.int64(), "event number from which on, null: from the start of the segment", True)
_UNTIL = Column("until", pa.int64(), "event number from which on no more, null: to the end of the segment", True)

STRINGS = TableSchema(
    "strings",
    "Every text that other tables refer to by number. String 0 is empty.",
    (
        Column("string", TEXT, "number of the string, and of its row"),
        Column("text", pa.string(), "the text; bytes that are not UTF-8 are replaced"),
        Column("bytes", pa.binary(), "the exact bytes, null when the text is exact", True),
    ),
)

PROCESSES = TableSchema(
    "processes",
    "A row for every version of a thread that was alive in the segment or is referred to: fork, exec, chdir, setuid "
    "and the like make a new one. Columns marked (string) hold numbers of strings.",
    (
        Column("process", pa.int32(), "number of the process row, and its place"),
        *_cells(P, PROCESS_TEXTS, _PROCESS_TEXT),
        Column(
            "since",
            pa.int64(),
            "event number from which on this was the version of its tid, null: from the start of the segment",
            True,
        ),
        Column(
            "until",
            pa.int64(),
            "event number from which on it no longer was, null: to the end; equal to since where it never was",
            True,
        ),
    ),
)

FILES = TableSchema(
    "files",
    "A row for every distinct state of a descriptor: file, socket, pipe and so on.",
    (
        Column("file", pa.int32(), "number of the descriptor row, and its place"),
        *_cells(F, FILE_TEXTS, _FILE_TEXT),
    ),
)

DESCRIPTORS = TableSchema(
    "descriptors",
    "Who had what open when.",
    (
        Column("owner", pa.int64(), "thread id under which the descriptor is kept (fdowner of its processes)"),
        Column("fd", pa.int64(), "descriptor number"),
        Column("file", pa.int32(), "what it was: row of files"),
        _SINCE,
        _UNTIL,
    ),
)

EVENTS_TABLE = TableSchema(
    "events",
    "A row for every event. Rows are clustered by type; within a type they are in order of num.",
    (
        Column("num", pa.int64(), "number of the event in its capture"),
        Column("ts", pa.int64(), "time, ns since the epoch"),
        Column("cpu", pa.int16(), "processor"),
        Column("tid", pa.int64(), "thread id"),
        Column("type_id", pa.int16(), "number of the event type in the event table"),
        Column("type", pa.string(), "name of the event type, the system call for most"),
        Column("process", pa.int32(), "the calling thread just after the event: row of processes", True),
        Column("file", pa.int32(), "the descriptor the event is about: row of files", True),
        Column("fd", pa.int64(), "its number, -1 when unknown; null for events without descriptor", True),
        Column("res", pa.int64(), "result of the call, negative errno on failure; null without", True),
        Column("name_changed", pa.bool_(), "whether the event gave the descriptor another name"),
        Column("fdcount", pa.int32(), "open descriptors of the process after the event"),
        Column("threads", pa.int32(), "live threads of the process"),
        Column("children", pa.int32(), "live threads besides the main one"),
        Column("vmsize", pa.int64(), "virtual memory, KiB"),
        Column("vmrss", pa.int64(), "resident memory, KiB"),
        Column("vmswap", pa.int64(), "swapped memory, KiB"),
        Column("majflt", pa.int64(), "major page faults of the thread so far"),
        Column("minflt", pa.int64(), "minor page faults of the thread so far"),
        Column("params", pa.list_(pa.field("element", pa.binary(), False)), "raw bytes of each parameter"),
    ),
)  # fmt: skip

USERS = TableSchema(
    "users",
    "Users and groups as they were known at the end of the segment.",
    (
        Column("kind", pa.string(), "user or group"),
        Column("container", pa.string(), "container id, empty on the host"),
        Column("id", pa.int64(), "user or group id"),
        Column("name", pa.string(), "name"),
        Column("home", pa.string(), "home directory of a user", True),
        Column("shell", pa.string(), "shell of a user", True),
        Column("gid", pa.int64(), "group id of a user", True),
        Column(
            "bytes",
            pa.list_(pa.field("element", pa.binary(), False)),
            "container, name, home, shell as exact bytes, null when the texts are exact",
            True,
        ),
    ),
)  # fmt: skip

CONTAINERS = TableSchema(
    "containers",
    "What events told of containers; later rows of a container replace earlier ones.",
    (
        Column("container", pa.string(), "container id"),
        Column("since", pa.int64(), "number of the event that told it"),
        Column("name", pa.string(), "name", True),
        Column("image", pa.string(), "image", True),
        Column("pod", pa.string(), "name of the pod", True),
        Column("namespace", pa.string(), "namespace of the pod", True),
        Column("info", pa.string(), "all metadata as JSON; an empty object once it was removed"),
    ),
)

ALERTS = TableSchema(
    "alerts",
    "Alerts about the events of the segment, or read from an alert log.",
    (
        Column("alert", pa.int64(), "number of the alert in the segment"),
        Column("num", pa.int64(), "number of the event, null in an alert log", True),
        Column("ts", pa.int64(), "time, ns since the epoch"),
        Column("rule", pa.string(), "name of the rule"),
        Column("priority", pa.string(), "priority of the rule"),
        Column("source", pa.string(), "source of the events, as in syscall"),
        Column("output", pa.string(), "the message"),
        Column("output_fields", pa.string(), "the fields of the output as a JSON object"),
        Column("tags", pa.list_(pa.field("element", pa.string(), False)), "tags of the rule"),
        Column("hostname", pa.string(), "host"),
        Column("kind", pa.string(), "rules: raised from the events when they were stored; log: read from an alert log"),
        Column("truncated", pa.bool_(), "whether the alert log held only a part of it"),
    ),
)

TABLES = {
    table.name: table for table in (STRINGS, PROCESSES, FILES, DESCRIPTORS, EVENTS_TABLE, USERS, CONTAINERS, ALERTS)
}
"""The tables by name."""


MANIFEST = {
    "schema": "version of the tables and of this file",
    "tiercel": "version that wrote the segment",
    "name": "name of the segment: id of the evidence and a count, the same whenever the evidence is stored again",
    "host": "name of the host, empty when unknown",
    "source": "the evidence: id, name, kind, SHA-256",
    "first_ts": "time of the earliest event, ns since the epoch; null without events",
    "last_ts": "time of the latest event",
    "first_num": "number of the first event",
    "last_num": "number of the last event",
    "previous_ts": "time of the event before the first one, 0 without one",
    "capture_ts": "time of the first event of the source",
    "untimed": "events whose time is not known, which the earliest and latest leave out; absent in early segments",
    "machine": "processors, memory in bytes, time of boot and name of the host",
    "interfaces": "its network interfaces; names and addresses as hexadecimal bytes",
    "rows": "rows of each table",
    "types": "events of each type number",
    "groups": "for each row group of `events` the type numbers in it",
    "containers": "containers that the events may be about, with image, pod and namespace",
    "values": "for some fields all values that an event of the segment can have, so that searches know what they need "
    "not open; bytes that are not UTF-8 as hexadecimal; a field with too many values is not listed. `proc.name` and "
    "`proc.exepath` stand for all processes of the segment, ancestors included. Absent in early segments",
    "gaps": "what is missing: kind (dropped, damage, truncated), from and to when, how many, in words",
    "files": "size in bytes and SHA-256 of each file",
}
"""The keys of ``manifest.json``."""


def document() -> str:
    """Return the reference page of the store as Markdown."""
    parts = [_INTRODUCTION.format(version=SCHEMA_VERSION)]
    for table in TABLES.values():
        rows = [
            f"| `{column.name}` | {_type_name(column)} | {column.text[0].upper()}{column.text[1:]} |"
            for column in table.columns
        ]
        parts.append("\n".join((f"## {table.name}\n\n{table.text}\n\n| column | type | |\n| --- | --- | --- |", *rows)))
    keys = [f"| `{key}` | {text[0].upper()}{text[1:]} |" for key, text in MANIFEST.items()]
    parts.append("\n".join(("## manifest.json\n\nWritten last.\n\n| key | |\n| --- | --- |", *keys)))
    return "\n\n".join(parts) + "\n"


def _type_name(column: Column) -> str:
    name = str(column.type).replace("string", "text")
    if pa.types.is_list(column.type):
        name = f"list of {column.type.value_type}".replace("string", "text")
    return f"{name}, null allowed" if column.nullable else name


_INTRODUCTION = """# The store

A store is a directory of segments, `host=<name>/day=<YYYY-MM-DD>/<segment>/`. A segment holds some hundred thousand
events and all that is needed to understand them: a Parquet file for each table below, and `manifest.json`. It is
written once and never changed. Names of hosts are escaped as in a URL; a host or day that is not known is
`__HIVE_DEFAULT_PARTITION__`. This is version {version} of the tables.

Any reader of Parquet can use them. In DuckDB, what was executed, by whom:

```sql
SELECT e.ts, c.text AS comm, x.text AS exe
FROM 'store/*/*/S/events.parquet' e
JOIN 'store/*/*/S/processes.parquet' p USING (process)
JOIN 'store/*/*/S/strings.parquet' c ON c.string = p.comm
JOIN 'store/*/*/S/strings.parquet' x ON x.string = p.exepath
WHERE e.type = 'execve' AND e.res = 0 ORDER BY e.num
```

with the name of a segment for `S`: numbers of strings, processes and files mean something inside their segment only.
`tiercel sql` has views that join them across segments. Times are nanoseconds since the epoch. All integers are
signed; those that are unsigned on the host (inodes, capabilities, page faults) are kept bit for bit."""
