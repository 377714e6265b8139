"""The view ``events``: events with who did it and on what, under the names of Falco's fields with ``_`` for ``.``."""

from __future__ import annotations

from tiercel.hunt.views.dimensions import (
    PLACE,
    PLACE_COLUMNS,
    command_line,
    container_join,
    kind_of,
    listed,
    owner_name,
    protocol_of,
    user_join,
)
from tiercel.hunt.views.model import Part, View, columns

WHEN_COLUMNS = (
    "num BIGINT evt.num, the number of the event in its capture.",
    "ts TIMESTAMP_NS Time (UTC).",
    "ts_ns BIGINT The same in ns since the epoch; quickest to filter by.",
)
WHO_COLUMNS = (
    "proc_pid BIGINT proc.pid",
    "proc_ppid BIGINT Id of the parent.",
    "proc_name VARCHAR proc.name",
    "proc_exepath VARCHAR proc.exepath",
    "proc_cmdline VARCHAR proc.cmdline",
    "user_uid BIGINT user.uid",
    "user_name VARCHAR user.name, NULL when no list names the user",
    "container VARCHAR container.id; NULL on the host",
    "container_name VARCHAR container.name",
    "container_image VARCHAR Image of the container.",
    "pod VARCHAR k8s.pod.name",
    "namespace VARCHAR k8s.ns.name",
)

WHEN = {"num": "e.num", "ts": "make_timestamp_ns(e.ts)", "ts_ns": "e.ts"}
WHO = {
    "proc_pid": "p.pid",
    "proc_ppid": "p.ptid",
    "proc_name": "text(p.comm)",
    "proc_exepath": "text(p.exepath)",
    "proc_cmdline": command_line("p"),
    "user_uid": "p.uid",
    "user_name": owner_name("u", "p.uid"),
    "container": "text(p.container)",
    "container_name": "c.name",
    "container_image": "c.image",
    "pod": "c.pod",
    "namespace": "c.namespace",
}
JOINS = {
    "p": "LEFT JOIN stored.processes p ON p.segment = e.segment AND p.process = e.process",
    "f": "LEFT JOIN stored.files f ON f.segment = e.segment AND f.file = e.file",
    "u": user_join("u", "p", "uid", "user"),
    "g": user_join("g", "p", "gid", "group"),
    "c": container_join("c", "p"),
    "q": "LEFT JOIN stored.processes q ON q.segment = p.segment AND q.tid = p.ptid"
    " AND coalesce(q.since, e.num) <= e.num AND coalesce(q.until, e.num + 1) > e.num",
}

EVENTS = View(
    "events",
    "All events, with the process and the descriptor each is about.",
    columns(
        *PLACE_COLUMNS,
        *WHEN_COLUMNS,
        "cpu INTEGER evt.cpu",
        "type VARCHAR evt.type",
        "type_id SMALLINT Number of the type in the event table.",
        "res BIGINT evt.rawres; NULL for events without a result",
        "tid BIGINT thread.tid",
        *WHO_COLUMNS,
        "process INTEGER Row of processes within the segment.",
        "proc_vpid BIGINT proc.vpid",
        "proc_sid BIGINT Session id.",
        "proc_exe VARCHAR proc.exe",
        "proc_args VARCHAR proc.args",
        "proc_cwd VARCHAR proc.cwd",
        "proc_tty BIGINT proc.tty",
        "proc_pname VARCHAR proc.pname, the parent's name as of the event",
        "proc_pcmdline VARCHAR proc.pcmdline, as of the event",
        "user_loginuid BIGINT user.loginuid",
        "group_gid BIGINT group.gid",
        "group_name VARCHAR group.name",
        "fd BIGINT fd.num; NULL without a descriptor",
        "fd_name VARCHAR fd.name",
        "fd_type VARCHAR file, directory, ipv4, ipv6, unix, pipe and so on.",
        "fd_protocol VARCHAR fd.l4proto",
        "fd_client_ip VARCHAR fd.cip",
        "fd_client_port BIGINT fd.cport",
        "fd_server_ip VARCHAR fd.sip",
        "fd_server_port BIGINT fd.sport",
        "fd_inode BIGINT fd.ino",
        "file INTEGER Row of files within the segment.",
        "params BLOB[] Bytes of each parameter.",
    ),
    (
        Part(
            "events e",
            PLACE
            | WHEN
            | {
                name: f"e.{name}"
                for name in ("cpu", "type", "type_id", "res", "tid", "process", "fd", "file", "params")
            }
            | WHO
            | {
                "proc_vpid": "p.vpid",
                "proc_sid": "p.sid",
                "proc_exe": "text(p.exe)",
                "proc_args": listed("p.args"),
                "proc_cwd": "text(p.cwd)",
                "proc_tty": "p.tty",
                "proc_pname": "text(q.comm)",
                "proc_pcmdline": command_line("q"),
                "user_loginuid": "p.loginuid",
                "group_gid": "p.gid",
                "group_name": owner_name("g", "p.gid"),
                "fd_name": "text(f.name)",
                "fd_type": kind_of("f"),
                "fd_protocol": protocol_of("f"),
                "fd_client_ip": "ip_text(bytes(f.sip))",
                "fd_client_port": "CASE WHEN f.sip IS NOT NULL THEN f.sport END",
                "fd_server_ip": "ip_text(bytes(f.dip))",
                "fd_server_port": "CASE WHEN f.dip IS NOT NULL THEN f.dport END",
                "fd_inode": "f.ino",
            },
            JOINS,
        ),
    ),
)
