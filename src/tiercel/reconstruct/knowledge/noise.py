"""Files that every process touches, which therefore join nothing and tell nothing."""

from __future__ import annotations

import re
from functools import cache

_NO_FILE = re.compile(
    r"""
    /dev/(?:null|zero|full|random|urandom|tty|ptmx|console|stdin|stdout|stderr|fd/.*|pts/.*|tty\w*)$
    | /proc/(?:self|thread-self|\d+)(?:/(?!environ$|mem$|root/|cwd/)|$)  # but for what is worth stealing
    | /proc/(?:stat|meminfo|cpuinfo|filesystems|mounts|uptime|loadavg|version|cgroups)$
    | /proc/sys/(?:vm|fs/(?!binfmt_misc)|net|kernel/(?!core_pattern))
    | /sys/(?:fs/cgroup/(?!.*release_agent$)|devices/|kernel/mm/)
    | /(?:var/)?run/nscd/
    | (?:pipe|socket|anon_inode|memfd):
    """,
    re.VERBOSE,
)
_READ_BY_ALL = re.compile(
    r"""
    /(?:usr/)?lib(?:32|64|x32)?/(?:[^/]+/)*[^/]+\.so(?:\.[\w.]+)?$
    | /(?:usr/)?lib(?:32|64)?/(?:locale|gconv|terminfo)/ | /(?:usr/)?lib(?:32|64)?/[^/]+/gconv/
    | /usr/share/(?:locale|zoneinfo|i18n|terminfo|misc)/ | /etc/terminfo/
    | /etc/(?:ld\.so\.cache|localtime|locale\.alias|nsswitch\.conf|host\.conf|resolv\.conf|hosts|gai\.conf|inputrc)$
    | /etc/(?:passwd|group)$
    """,
    re.VERBOSE,
)


@cache
def is_no_file(path: str) -> bool:
    """Tell whether a path is no file anybody keeps: a terminal, ``/dev/null``, a pipe, the kernel's own bookkeeping.

    So is one that is empty or no path at all.
    """
    return not path or path[0] not in "/@" or _NO_FILE.match(path) is not None


@cache
def is_noise(path: str) -> bool:
    """Tell whether reading a path joins nothing: no file at all, or one that every program reads, as libc."""
    return is_no_file(path) or _READ_BY_ALL.match(path) is not None
