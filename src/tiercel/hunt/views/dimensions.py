"""Views of who and what events are about: processes, files, descriptors, containers, users; and the alerts."""

from __future__ import annotations

from tiercel.hunt.views.model import Part, View, columns
from tiercel.model.columns import ExeFlag, FdKind
from tiercel.sources.alert_record import INTERNAL

PLACE = {
    "host": "e.host",
    "day": "e.day",
    "segment": "e.segment",
    "evidence": r"regexp_extract(e.segment, '([^/]*)-\d+$', 1)",  # as tiercel.store.writer names segments
}

PLACE_COLUMNS = (
    "host VARCHAR The host, from the folder's name.",
    "day DATE The day (UTC) of the segment's first event.",
    "segment VARCHAR The segment's folder; numbers of processes, files and strings count within it.",
    "evidence VARCHAR Id of the evidence, as in E001; from the segment's name.",
)

_KINDS: dict[int, str] = {
    FdKind.FILE: "file",
    FdKind.FILE_V2: "file",
    FdKind.DIRECTORY: "directory",
    FdKind.IPV4_SOCK: "ipv4",
    FdKind.IPV6_SOCK: "ipv6",
    FdKind.IPV4_SERVSOCK: "ipv4",
    FdKind.IPV6_SERVSOCK: "ipv6",
    FdKind.FIFO: "pipe",
    FdKind.UNIX_SOCK: "unix",
    FdKind.EVENT: "event",
    FdKind.SIGNALFD: "signalfd",
    FdKind.EVENTPOLL: "eventpoll",
    FdKind.INOTIFY: "inotify",
    FdKind.TIMERFD: "timerfd",
    FdKind.NETLINK: "netlink",
    FdKind.BPF: "bpf",
    FdKind.USERFAULTFD: "userfaultfd",
    FdKind.IOURING: "io_uring",
    FdKind.MEMFD: "memfd",
    FdKind.PIDFD: "pidfd",
}
_PROTOCOLS = {2: "tcp", 3: "udp", 4: "icmp", 5: "raw"}


def case(subject: str, names: dict[int, str]) -> str:
    """Return SQL that names a number; NULL for others."""
    whens = (f"WHEN {int(number)} THEN '{name}'" for number, name in names.items())
    return f"CASE {subject} {' '.join(whens)} END"


def listed(cell: str) -> str:
    """Return SQL of a list of texts that each end in NUL, joined by blanks."""
    return f"replace(rtrim(text({cell}), chr(0)), chr(0), ' ')"


def kind_of(alias: str) -> str:
    return case(f"{alias}.kind", _KINDS)


def protocol_of(alias: str) -> str:
    return case(f"{alias}.l4proto", _PROTOCOLS)


def command_line(alias: str) -> str:
    return f"concat_ws(' ', text({alias}.comm), nullif({listed(alias + '.args')}, ''))"


def user_join(alias: str, process: str, cell: str, kind: str) -> str:
    """Return the join with the user or group a process runs as; a container has a list of its own."""
    return (
        "LEFT JOIN (SELECT segment, container, id, any_value(name) AS name FROM stored.users"
        f" WHERE kind = '{kind}' GROUP BY ALL) {alias} ON {alias}.segment = {process}.segment"
        f" AND {alias}.id = {process}.{cell} AND {alias}.container = coalesce(text({process}.container), '')"
    )


def owner_name(alias: str, cell: str) -> str:
    """Return the name of a user or group; number 0 is root where no list says otherwise."""
    return f"coalesce({alias}.name, CASE WHEN {cell} = 0 THEN 'root' END)"


def container_join(alias: str, process: str) -> str:
    """Return the join with what was known last of the container a process runs in."""
    return (
        "LEFT JOIN (SELECT segment, container, arg_max(name, since) AS name, arg_max(image, since) AS image,"
        " arg_max(pod, since) AS pod, arg_max(namespace, since) AS namespace FROM stored.containers GROUP BY ALL)"
        f" {alias} ON {alias}.segment = {process}.segment AND {alias}.container = text({process}.container)"
    )


PROCESSES = View(
    "processes",
    "One row for each version of a thread: fork, exec, chdir, setuid and the like start a new one.",
    columns(
        *PLACE_COLUMNS,
        "process INTEGER Number of the version within its segment; events refer to it.",
        "since BIGINT Number of the event from which on it was the current one; NULL from the segment's start.",
        "until BIGINT Number of the event from which on it no longer was; NULL to the segment's end.",
        "tid BIGINT Thread id.",
        "pid BIGINT Process id.",
        "ppid BIGINT Id of the parent.",
        "vpid BIGINT Process id as the container sees it.",
        "sid BIGINT Session id.",
        "name VARCHAR Name (comm).",
        "exe VARCHAR First argument.",
        "exepath VARCHAR Path of the executable.",
        "cmdline VARCHAR Name and arguments.",
        "args VARCHAR Arguments without the first, joined by blanks.",
        "cwd VARCHAR Current directory.",
        "env VARCHAR Environment, joined by blanks.",
        "uid BIGINT User id.",
        "gid BIGINT Group id.",
        "loginuid BIGINT User id at login; 4294967295 or -1 without one.",
        "user_name VARCHAR Name of the user, from the list of the host or of the container.",
        "group_name VARCHAR Name of the group.",
        "tty BIGINT Terminal; 0 without one.",
        "cap_permitted BIGINT Permitted capabilities, bits.",
        "cap_effective BIGINT Effective capabilities, bits.",
        "exe_ino BIGINT Inode of the executable.",
        "exe_writable BOOLEAN Whether the user may write the executable.",
        "exe_upper_layer BOOLEAN Whether the executable is not part of the container's image.",
        "exe_memfd BOOLEAN Whether the executable is in memory only.",
        "started TIMESTAMP_NS When the process started; NULL when that is not known.",
        "container VARCHAR Container id; NULL on the host.",
        "container_name VARCHAR Name of the container.",
        "container_image VARCHAR Image of the container.",
        "pod VARCHAR Kubernetes pod.",
        "namespace VARCHAR Kubernetes namespace.",
    ),
    (
        Part(
            "processes e",
            PLACE
            | {
                "process": "e.process",
                "since": "e.since",
                "until": "e.until",
                "tid": "e.tid",
                "pid": "e.pid",
                "ppid": "e.ptid",
                "vpid": "e.vpid",
                "sid": "e.sid",
                "name": "text(e.comm)",
                "exe": "text(e.exe)",
                "exepath": "text(e.exepath)",
                "cmdline": command_line("e"),
                "args": listed("e.args"),
                "cwd": "text(e.cwd)",
                "env": listed("e.env"),
                "uid": "e.uid",
                "gid": "e.gid",
                "loginuid": "e.loginuid",
                "user_name": owner_name("u", "e.uid"),
                "group_name": owner_name("g", "e.gid"),
                "tty": "e.tty",
                "cap_permitted": "e.cap_permitted",
                "cap_effective": "e.cap_effective",
                "exe_ino": "e.exe_ino",
                "exe_writable": f"(e.exe_flags & {ExeFlag.WRITABLE}) <> 0",
                "exe_upper_layer": f"(e.exe_flags & {ExeFlag.UPPER_LAYER}) <> 0",
                "exe_memfd": f"(e.exe_flags & {ExeFlag.FROM_MEMFD}) <> 0",
                "started": "CASE WHEN e.clone_ts > 0 THEN make_timestamp_ns(e.clone_ts) END",
                "container": "text(e.container)",
                "container_name": "c.name",
                "container_image": "c.image",
                "pod": "c.pod",
                "namespace": "c.namespace",
            },
            {
                "u": user_join("u", "e", "uid", "user"),
                "g": user_join("g", "e", "gid", "group"),
                "c": container_join("c", "e"),
            },
        ),
    ),
)

_FILE_CELLS = {
    "kind": kind_of("{0}"),
    "name": "text({0}.name)",
    "inode": "{0}.ino",
    "device": "{0}.dev",
    "openflags": "{0}.openflags",
    "protocol": protocol_of("{0}"),
    "client_ip": "ip_text(bytes({0}.sip))",
    "client_port": "CASE WHEN {0}.sip IS NOT NULL THEN {0}.sport END",
    "server_ip": "ip_text(bytes({0}.dip))",
    "server_port": "CASE WHEN {0}.dip IS NOT NULL THEN {0}.dport END",
}
_FILE_COLUMNS = (
    "kind VARCHAR file, directory, ipv4, ipv6, unix, pipe and so on.",
    "name VARCHAR Path, or both ends of a connection.",
    "inode BIGINT Inode number; 0 when that is not known.",
    "device BIGINT Device number.",
    "openflags BIGINT Flags it was opened with (bits as in the events' flags argument).",
    "protocol VARCHAR tcp, udp, icmp or raw.",
    "client_ip VARCHAR Address of the client's end.",
    "client_port BIGINT Port of the client's end.",
    "server_ip VARCHAR Address of the server's end, or of a listening socket.",
    "server_port BIGINT Port of the server's end.",
)


def file_cells(alias: str) -> dict[str, str]:
    """Return what can be told of a row of ``files``, by column name."""
    return {name: sql.format(alias) for name, sql in _FILE_CELLS.items()}


FILES = View(
    "files",
    "One row for each distinct thing a descriptor pointed at.",
    columns(*PLACE_COLUMNS, "file INTEGER Number within the segment; events refer to it.", *_FILE_COLUMNS),
    (Part("files e", PLACE | {"file": "e.file"} | file_cells("e")),),
)

DESCRIPTORS = View(
    "descriptors",
    "Who had what open, and from when to when.",
    columns(
        *PLACE_COLUMNS,
        "owner BIGINT Thread id under which the descriptors of a process are kept.",
        "fd BIGINT Descriptor number.",
        "file INTEGER What it pointed at, a row of files.",
        "since BIGINT Number of the event from which on it was open; NULL from the segment's start.",
        "until BIGINT Number of the event from which on it no longer was; NULL to the segment's end.",
        *_FILE_COLUMNS,
    ),
    (
        Part(
            "descriptors e",
            PLACE | {name: f"e.{name}" for name in ("owner", "fd", "file", "since", "until")} | file_cells("f"),
            {"f": "LEFT JOIN stored.files f ON f.segment = e.segment AND f.file = e.file"},
        ),
    ),
)

CONTAINERS = View(
    "containers",
    "What was known of each container; a row for each time it was told.",
    columns(
        *PLACE_COLUMNS,
        "container VARCHAR Container id.",
        "since BIGINT Number of the event that told it.",
        "name VARCHAR Name.",
        "image VARCHAR Image.",
        "pod VARCHAR Kubernetes pod.",
        "namespace VARCHAR Kubernetes namespace.",
        "info VARCHAR All that was told, as JSON.",
    ),
    (
        Part(
            "containers e",
            PLACE | {name: f"e.{name}" for name in ("container", "since", "name", "image", "pod", "namespace", "info")},
        ),
    ),
)

USERS = View(
    "users",
    "Users and groups of the host and of containers.",
    columns(
        *PLACE_COLUMNS,
        "kind VARCHAR user or group.",
        "container VARCHAR Container with a list of its own; NULL or empty for the host.",
        "id BIGINT User or group id.",
        "name VARCHAR Name.",
        "home VARCHAR Home directory.",
        "shell VARCHAR Login shell.",
        "gid BIGINT The user's main group.",
    ),
    (
        Part(
            "users e",
            PLACE | {name: f"e.{name}" for name in ("kind", "container", "id", "name", "home", "shell", "gid")},
        ),
    ),
)

ALERTS = View(
    "alerts",
    "Alerts raised when evidence was added, and alerts read from logs.",
    columns(
        *PLACE_COLUMNS,
        "alert_in_segment BIGINT Number within the segment; not the N of `tiercel case tree --alert N`.",
        "num BIGINT Number of the event; NULL for an alert from a log.",
        "ts TIMESTAMP_NS Time (UTC).",
        "ts_ns BIGINT The same in ns since the epoch.",
        "rule VARCHAR Rule.",
        "priority VARCHAR Priority.",
        "source VARCHAR Source: syscall, k8s_audit and so on.",
        "output VARCHAR Output line.",
        "output_fields VARCHAR Fields of the output, as JSON.",
        "tags VARCHAR[] Tags of the rule.",
        "hostname VARCHAR Host the alert names.",
        "kind VARCHAR rules: raised from events; log: from an alert log; internal: what Falco says there of itself.",
        "truncated BOOLEAN Whether a forwarder has cut the output.",
    ),
    (
        Part(
            "alerts e",
            PLACE
            | {"ts": "make_timestamp_ns(e.ts)", "ts_ns": "e.ts"}
            | {"alert_in_segment": "e.alert"}
            | {name: f"e.{name}" for name in ("num", "rule", "priority", "source", "output", "output_fields")}
            | {name: f"e.{name}" for name in ("tags", "hostname", "truncated")}
            | {"kind": f"CASE WHEN starts_with(e.rule, '{INTERNAL}') THEN 'internal' ELSE e.kind END"},
        ),
    ),
)
