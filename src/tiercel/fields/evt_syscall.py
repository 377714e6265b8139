"""Fields of class ``evt`` that only system-call events have."""

from __future__ import annotations

from tiercel.fields import evt_args, evt_calls, evt_flags, evt_size
from tiercel.fields.model import Argument, BulkGetter, Field, RowGetter, ValueType

CLASS = "evt"
DESCRIPTION = "The system call an event is about: its type, result, arguments and data."

ROW: dict[str, RowGetter] = {**evt_args.ROW, **evt_calls.ROW, **evt_flags.ROW, **evt_size.ROW}
BULK: dict[str, BulkGetter] = {**evt_args.BULK, **evt_calls.BULK, **evt_flags.BULK, **evt_size.BULK}

_TEXT = ValueType.CHARBUF
_BOOL = ValueType.BOOL
_REL = ValueType.RELTIME
_U32 = ValueType.UINT32
_U64 = ValueType.UINT64


def _field(
    name: str,
    type: ValueType,
    summary: str,
    example: str,
    number_format: str = "na",
    *,
    argument: Argument = Argument.NONE,
    index: bool = False,
    key: bool = False,
    deprecated: bool = False,
    filter_only: bool = False,
    print_only: bool = False,
    no_rhs: bool = False,
    no_transformer: bool = False,
    unlisted: bool = False,
) -> Field:
    return Field(
        name,
        type,
        summary,
        example,
        ROW[name],
        BULK.get(name),
        argument=argument,
        index=index,
        key=key,
        deprecated=deprecated,
        filter_only=filter_only,
        print_only=print_only,
        no_rhs=no_rhs,
        no_transformer=no_transformer,
        unlisted=unlisted,
        number_format=number_format,
        printed=evt_args.rawarg_printed if name == "evt.rawarg" else None,
    )


def _unlisted_size(name: str, summary: str) -> Field:
    return _field(name, _U64, summary, "512", "dec", unlisted=True)


FIELDS: tuple[Field, ...] = (
    _field("evt.latency", _REL, "Always 0: enter events are no longer recorded.", "0", "dec", deprecated=True),
    _field("evt.latency.s", _REL, "Always 0, as evt.latency.", "0", "dec", deprecated=True),
    _field("evt.latency.ns", _REL, "Always 0, as evt.latency.", "000000000", "padded", deprecated=True),
    _field("evt.latency.quantized", _U64, "Always 0, as evt.latency.", "0", "dec", deprecated=True, unlisted=True),
    _field("evt.latency.human", _TEXT, "Always 0ns, as evt.latency.", "0ns", deprecated=True),
    _field("evt.deltatime", _REL, "Nanoseconds since the previous event.", "1500", "dec"),
    _field("evt.deltatime.s", _REL, "Whole seconds since the previous event.", "0", "dec"),
    _field("evt.deltatime.ns", _REL, "Nanoseconds within that second.", "000001500", "padded"),
    _field("evt.outputtime", _TEXT, "Time of day, as evt.time.", "12:03:55.000000042", print_only=True, unlisted=True),
    _field("evt.dir", _TEXT, "Always <: only the end of a system call is an event.", "<", deprecated=True),
    _field("evt.type", _TEXT, "Name of the event, for most the system call.", "openat"),
    _field(
        "evt.type.is",
        _U32,
        "1 when the event is of the type named in the argument, else 0.",
        "1",
        argument=Argument.REQUIRED,
        key=True,
    ),
    _field("syscall.type", _TEXT, "Name of the system call; unset for events that are none.", "openat"),
    _field("evt.category", _TEXT, "What the event concerns: file, net, process, memory and so on.", "file"),
    _field("evt.cpu", ValueType.INT16, "CPU the event happened on.", "3", "id"),
    _field("evt.args", _TEXT, "All arguments as name=value.", "fd=3(<f>/etc/passwd) flags=1(O_RDONLY)"),
    _field(
        "evt.arg",
        _TEXT,
        "One argument as text, by name or number; numbers are resolved to names where they have one.",
        "/etc/passwd",
        argument=Argument.REQUIRED,
        index=True,
        key=True,
    ),
    _field(
        "evt.rawarg",
        ValueType.DYNAMIC,
        "One argument by name, with its own type.",
        "3",
        argument=Argument.REQUIRED,
        key=True,
        no_rhs=True,
        no_transformer=True,
    ),
    _field("evt.info", _TEXT, "The same as evt.args.", "fd=3(<f>/etc/passwd)"),
    _field("evt.buffer", ValueType.BYTEBUF, "The data read or written, as far as captured.", "GET / HTTP/1.1.."),
    _field("evt.buflen", _U64, "How many bytes were read or written.", "512", "dec"),
    _field("evt.res", _TEXT, "SUCCESS, or the name of the error.", "ENOENT", "dec"),
    _field("evt.rawres", ValueType.INT64, "What the system call returned.", "-2", "dec"),
    _field("evt.failed", _BOOL, "Whether the system call returned an error.", "true"),
    _field("evt.is_io", _BOOL, "Whether the call reads from or writes to a descriptor.", "true"),
    _field("evt.is_io_read", _BOOL, "Whether the call reads from a descriptor.", "true"),
    _field("evt.is_io_write", _BOOL, "Whether the call writes to a descriptor.", "false"),
    _field("evt.io_dir", _TEXT, "read or write; unset for other calls.", "read"),
    _field("evt.is_wait", _BOOL, "Whether the call waits, such as poll or nanosleep.", "false"),
    _field("evt.wait_latency", _REL, "Always 0, as evt.latency.", "0", "dec", deprecated=True),
    _field("evt.is_syslog", _BOOL, "Whether the event writes to /dev/log.", "false"),
    _field("evt.count", _U32, "Always 1.", "1", "dec"),
    _field("evt.count.error", _U32, "1 when the call failed.", "1", "dec"),
    _field("evt.count.error.file", _U32, "1 when a call on a file failed.", "1", "dec"),
    _field("evt.count.error.net", _U32, "1 when a call on a socket failed.", "0", "dec"),
    _field("evt.count.error.memory", _U32, "1 when a call that concerns memory failed.", "0", "dec"),
    _field("evt.count.error.other", _U32, "1 when any other call failed.", "0", "dec"),
    _field("evt.count.exit", _U32, "1 for the end of a system call.", "1", "dec"),
    _field("evt.count.procinfo", _U32, "1 for a procinfo event of a main thread.", "0", "dec", unlisted=True),
    _field("evt.count.threadinfo", _U32, "1 for a procinfo event.", "0", "dec", unlisted=True),
    _field(
        "evt.around",
        _U64,
        "Whether the event lies within so many milliseconds of the time given as argument (ns since the epoch).",
        "evt.around[1715947435000000042]=1000",
        "dec",
        argument=Argument.REQUIRED,
        index=True,
        filter_only=True,
        no_rhs=True,
        no_transformer=True,
    ),
    _field(
        "evt.abspath",
        _TEXT,
        "Full path of a call relative to a directory descriptor; .src and .dst choose one of two.",
        "/tmp/x",
        argument=Argument.OPTIONAL,
        key=True,
    ),
    _unlisted_size("evt.buflen.in", "evt.buflen of calls that read."),
    _unlisted_size("evt.buflen.out", "evt.buflen of calls that write."),
    _unlisted_size("evt.buflen.file", "evt.buflen of calls on files."),
    _unlisted_size("evt.buflen.file.in", "evt.buflen of reads from files."),
    _unlisted_size("evt.buflen.file.out", "evt.buflen of writes to files."),
    _unlisted_size("evt.buflen.net", "evt.buflen of calls on sockets."),
    _unlisted_size("evt.buflen.net.in", "evt.buflen of reads from sockets."),
    _unlisted_size("evt.buflen.net.out", "evt.buflen of writes to sockets."),
    _field("evt.is_open_read", _BOOL, "Whether a file was opened for reading.", "true"),
    _field("evt.is_open_write", _BOOL, "Whether a file was opened for writing.", "false"),
    _field("evt.infra.docker.name", _TEXT, "Name of a Docker engine event.", "start", unlisted=True),
    _field("evt.infra.docker.container.id", _TEXT, "Its container id.", "3ad7b26ded6d", unlisted=True),
    _field("evt.infra.docker.container.name", _TEXT, "Its container name.", "web", unlisted=True),
    _field("evt.infra.docker.container.image", _TEXT, "Its image.", "nginx", unlisted=True),
    _field("evt.is_open_exec", _BOOL, "Whether a file was created with an execute permission.", "false"),
    _field("evt.is_open_create", _BOOL, "Whether opening created the file.", "false"),
)
