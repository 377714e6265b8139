"""The kinds of acts."""

from __future__ import annotations

KINDS: dict[str, str] = {
    "fork": "a process started another; object: the new process",
    "exec": "a process ran a program; object: the executable, target: the file asked for where it is another, "
    "detail: the command line",
    "exit": "a process ended; detail: how",
    "open_read": "a file was opened for reading; one row per process and path",
    "open_write": "a file was opened for writing; detail: what flags say beyond that",
    "create": "a file was created; detail: flags",
    "read": "bytes were read from a file; one row per process and file",
    "write": "bytes were written to a file; one row per process and file",
    "delete": "a file was removed",
    "rename": "object was given the name target",
    "link": "target was made another name of object",
    "symlink": "object was made to point at target",
    "mkdir": "a directory was made; detail: mode",
    "rmdir": "a directory was removed",
    "mknod": "a device, pipe or socket was made in the file system; detail: mode",
    "chmod": "permissions were changed; detail: what stands out and the mode",
    "chown": "the owner was changed; detail: the new one",
    "mount": "a file system was mounted on object from target; detail: type and flags",
    "umount": "a file system was unmounted",
    "chroot": "the root directory was changed to object",
    "pivot_root": "the root file system was exchanged",
    "credential": "user, group or capabilities changed; detail: the call, old and new",
    "connect": "a connection was opened, or tried",
    "accept": "a connection was accepted",
    "listen": "a socket was made to listen",
    "bind": "a socket was given an address",
    "send": "bytes were sent; one row per process and connection",
    "receive": "bytes were received; one row per process and connection",
    "resolve": "a name was looked up; object: the name, target: the addresses answered, detail: type of record and "
    "aliases, the error, or asked where no answer was seen; the other end is the name server",
    "redirect": "standard input or output was tied to a connection; detail: which",
    "module": "a kernel module was loaded or removed; detail: the call",
    "bpf": "the bpf system call; detail: the command",
    "ptrace": "another process was looked into or changed; object: that process, detail: the request",
    "kill": "a signal was sent to another process; object: that process, detail: the signal",
    "namespace": "namespaces were left or entered; detail: call and kinds",
    "memfd_create": "a file that exists in memory alone was made",
    "io_uring": "an io_uring was set up, through which calls can go unseen",
    "userfaultfd": "a userfaultfd was made",
    "keyctl": "the kernel's key storage was asked or changed; detail: the operation",
    "kernel": "a setting of the whole machine was changed; detail: the call",
}
"""What each kind means, by name."""

ASKED = "asked"
"""Detail of a lookup whose answer was not seen."""

NETWORK = frozenset({"connect", "accept", "listen", "bind", "send", "receive", "redirect"})
"""Acts about sockets."""

CHANGES = frozenset(
    {
        "open_write",
        "create",
        "write",
        "delete",
        "rename",
        "link",
        "symlink",
        "mkdir",
        "rmdir",
        "mknod",
        "chmod",
        "chown",
    }
)
"""Acts that change files or directories."""
