"""The three tables of a scene. Every column says in its metadata what it holds (key ``doc``).

Times are ns since epoch, numbers are signed, text is UTF-8 with invalid bytes replaced. A row refers to another by its
number: ``acts.process`` is a row of PROCESSES, ``alerts.act`` a row of ACTS.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa


def _field(name: str, type_: pa.DataType, doc: str) -> pa.Field[Any]:
    return pa.field(name, type_, metadata={"doc": doc})


_TEXT, _INT, _FLAG = pa.string(), pa.int64(), pa.bool_()

EXEC = pa.struct(
    [
        _field("ts", _INT, "when the exec happened"),
        _field("num", _INT, "number of the event"),
        _field("exepath", _TEXT, "executable, resolved"),
        _field("cmdline", _TEXT, "name and arguments"),
        _field("name", _TEXT, "name of the process from then on"),
        _field("uid", _INT, "user number from then on"),
        _field("user", _TEXT, "name of that user, null when not known"),
    ]
)

PROCESSES = pa.schema(
    [
        _field("process", _INT, "number of this row"),
        _field("host", _TEXT, "host the process ran on"),
        _field("evidence", _TEXT, "evidence that first showed the process, empty when it has no id"),
        _field("pid", _INT, "process id as the host sees it"),
        _field("vpid", _INT, "process id inside its innermost PID namespace"),
        _field("start", _INT, "when the process was forked, null when not known"),
        _field("end", _INT, "when it was seen to end, null when it was not"),
        _field("exit", _INT, "wait status: exit code << 8 | signal, null when no end was seen or it is not known"),
        _field("parent", _INT, "row of the process that forked it, or adopted it before the recording, null without"),
        _field("name", _TEXT, "name at its last sight"),
        _field("exe", _TEXT, "argv[0] at its last sight"),
        _field("exepath", _TEXT, "executable at its last sight, resolved"),
        _field("cmdline", _TEXT, "name and arguments at its last sight"),
        _field("cwd", _TEXT, "working directory at its last sight"),
        _field("user", _TEXT, "name of its user at its last sight, null when not known"),
        _field("uid", _INT, "user number at its last sight"),
        _field("loginuid", _INT, "user number of the login that led to it, -1 without a login"),
        _field("tty", _INT, "number of its controlling terminal, 0 without"),
        _field("sid", _INT, "session id"),
        _field("container", _TEXT, "container id, empty on the host"),
        _field("container_name", _TEXT, "name of the container, null when not known"),
        _field("image", _TEXT, "image of the container with its tag, null when not known"),
        _field("pod", _TEXT, "pod, null when not known"),
        _field("namespace", _TEXT, "Kubernetes namespace, null when not known"),
        _field("first_ts", _INT, "when it was first seen"),
        _field("last_ts", _INT, "when it was last seen doing something that is an act, or ending"),
        _field("execs", pa.list_(EXEC), "what it executed, in order"),
        _field("from_start", _FLAG, "it was running before the recording began"),
    ]
)

ACTS = pa.schema(
    [
        _field("act", _INT, "number of this row"),
        _field("ts", _INT, "when it happened; of the first one where a row stands for several"),
        _field("num", _INT, "number of the event, of the first one where a row stands for several"),
        _field("host", _TEXT, "host it happened on"),
        _field("evidence", _TEXT, "evidence that shows it, empty when it has no id"),
        _field("kind", _TEXT, "kind of act, one of tiercel.reconstruct.kinds.KINDS"),
        _field("process", _INT, "row of the process that did it"),
        _field("pid", _INT, "process id as the host sees it"),
        _field("name", _TEXT, "name of the process at that time"),
        _field("user", _TEXT, "name of its user at that time, null when not known"),
        _field("uid", _INT, "number of its user at that time"),
        _field("container", _TEXT, "container id, empty on the host"),
        _field(
            "object", _TEXT, "what it was done to: a path, 'a:port->b:port', a process, a name, null when not known"
        ),
        _field("target", _TEXT, "the other end of a rename, link or mount, the addresses of a name, null without"),
        _field("detail", _TEXT, "mode, flags, new credentials, command line …, null without"),
        _field("res", _INT, "result of the call, negative errno on failure, null without one"),
        _field("ok", _FLAG, "it succeeded; a connection under way counts"),
        _field("count", _INT, "how many events this row stands for"),
        _field("bytes", _INT, "bytes moved, null where none are"),
        _field("last_ts", _INT, "when the last of them happened"),
        _field("inode", _INT, "inode of the file, null when not known"),
        _field("laddr", _TEXT, "address of this end, null when not about the network"),
        _field("lport", _INT, "port of this end"),
        _field("raddr", _TEXT, "address of the other end"),
        _field("rport", _INT, "port of the other end"),
        _field("proto", _TEXT, "tcp, udp, icmp, raw or unix"),
    ]
)

ALERTS = pa.schema(
    [
        _field("alert", _INT, "number of this row"),
        _field("ts", _INT, "time of the event it is about"),
        _field("num", _INT, "number of that event, null when from a log"),
        _field("host", _TEXT, "host it is about"),
        _field("evidence", _TEXT, "evidence it comes from, several separated by spaces, empty when it has no id"),
        _field("rule", _TEXT, "name of the rule"),
        _field("priority", _TEXT, "priority, as in Emergency, Critical, Notice"),
        _field("source", _TEXT, "source of the event, as in syscall"),
        _field("output", _TEXT, "the message"),
        _field("output_fields", _TEXT, "fields of the message, a JSON object"),
        _field("tags", pa.list_(_TEXT), "tags of the rule"),
        _field("process", _INT, "row of the process it is about, null when not known"),
        _field("act", _INT, "row of the act it is about, null when its event is none"),
        _field(
            "kind",
            _TEXT,
            "'rules' when raised from events here, 'log' when read from an alert log, 'internal' when it is what Falco "
            "says there of itself: no alert, and not counted as one",
        ),
        _field("truncated", _FLAG, "a forwarder cut some of its fields"),
    ]
)


def empty(schema: pa.Schema) -> pa.Table:
    """Return a table of this schema without rows."""
    return schema.empty_table()


def documentation(schema: pa.Schema) -> dict[str, str]:
    """Return what each column of a schema holds, in order."""
    return {field.name: (field.metadata or {}).get(b"doc", b"").decode() for field in schema}
