"""Types of audit records: the numbers some logs write in place of names, and what each kind of record is for.

References: ``linux/audit.h`` for the numbers.
"""

from __future__ import annotations

TYPES: dict[int, str] = {
    1006: "LOGIN", 1100: "USER_AUTH", 1101: "USER_ACCT", 1102: "USER_MGMT", 1103: "CRED_ACQ", 1104: "CRED_DISP",
    1105: "USER_START", 1106: "USER_END", 1107: "USER_AVC", 1108: "USER_CHAUTHTOK", 1109: "USER_ERR",
    1110: "CRED_REFR", 1112: "USER_LOGIN", 1113: "USER_LOGOUT", 1114: "ADD_USER", 1115: "DEL_USER",
    1116: "ADD_GROUP", 1117: "DEL_GROUP", 1123: "USER_CMD", 1127: "SYSTEM_BOOT", 1128: "SYSTEM_SHUTDOWN",
    1130: "SERVICE_START", 1131: "SERVICE_STOP", 1300: "SYSCALL", 1302: "PATH", 1303: "IPC", 1304: "SOCKETCALL",
    1305: "CONFIG_CHANGE", 1306: "SOCKADDR", 1307: "CWD", 1309: "EXECVE", 1311: "IPC_SET_PERM", 1312: "MQ_OPEN",
    1313: "MQ_SENDRECV", 1314: "MQ_NOTIFY", 1315: "MQ_GETSETATTR", 1317: "FD_PAIR", 1318: "OBJ_PID", 1319: "TTY",
    1320: "EOE", 1321: "BPRM_FCAPS", 1322: "CAPSET", 1323: "MMAP", 1324: "NETFILTER_PKT", 1325: "NETFILTER_CFG",
    1326: "SECCOMP", 1327: "PROCTITLE", 1328: "FEATURE_CHANGE", 1330: "KERN_MODULE", 1331: "FANOTIFY",
    1332: "TIME_INJOFFSET", 1333: "TIME_ADJNTPVAL", 1334: "BPF", 1335: "EVENT_LISTENER", 1336: "URINGOP",
    1337: "OPENAT2", 1400: "AVC", 1401: "SELINUX_ERR", 1403: "MAC_POLICY_LOAD", 1404: "MAC_STATUS",
    1700: "ANOM_PROMISCUOUS", 1701: "ANOM_ABEND", 1702: "ANOM_LINK", 1703: "ANOM_CREAT",
}  # fmt: skip
"""The name of a record type by its number."""

PARTS = frozenset(
    {
        "SYSCALL", "PATH", "CWD", "EXECVE", "SOCKADDR", "SOCKETCALL", "FD_PAIR", "MMAP", "PROCTITLE", "EOE", "IPC",
        "IPC_SET_PERM", "MQ_OPEN", "MQ_SENDRECV", "MQ_NOTIFY", "MQ_GETSETATTR", "OBJ_PID", "BPRM_FCAPS", "CAPSET",
        "OPENAT2",
    }
)  # fmt: skip
"""Records that only tell more about a system call. All others are worth a line of their own."""

LAST = frozenset({"PROCTITLE", "EOE"})
"""Records after which no other record of the same event comes."""

_FROM_PROGRAMS = (
    "USER", "CRED_", "DAEMON_", "SERVICE_", "SYSTEM_", "ADD_", "DEL_", "GRP_", "ACCT_", "CHGRP_", "CHUSER_", "ROLE_",
    "CRYPTO_", "VIRT_", "RESP_", "LABEL_", "DEV_", "SOFTWARE_UPDATE",
)  # fmt: skip


def stands_alone(kind: str) -> bool:
    """Whether a record of this type is a whole event, as those are that programs write."""
    return kind.startswith(_FROM_PROGRAMS)
