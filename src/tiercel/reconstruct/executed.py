"""What an exec ran: the program, and for an interpreter the script it was given."""

from __future__ import annotations

import posixpath
import re
import shlex

_INTERPRETER = re.compile(
    r"(?:ba|da|z|k|a|fi|c|tc)?sh$|busybox$|python[\d.]*$|perl[\d.]*$|ruby[\d.]*$|php[\d.]*$|node(?:js)?$|lua[\d.]*$"
    r"|pwsh$|gawk$|awk$|tclsh[\d.]*$|expect$"
)


def arguments(cmdline: str | None) -> list[str]:
    """Split a command line as recorded: name and arguments joined by blanks, quotes lost or unbalanced alike."""
    if not cmdline:
        return []
    if '"' in cmdline or "'" in cmdline:
        try:
            return shlex.split(cmdline)
        except ValueError:
            pass
    return cmdline.split()


def is_interpreter(exepath: str | None) -> bool:
    """Tell whether a program runs scripts: a shell, Python, Perl …"""
    return _INTERPRETER.match((exepath or "").rsplit("/", 1)[-1]) is not None


def resolve(path: str, cwd: str | None) -> str:
    """Return a path as an absolute one without ``..``; one that cannot be resolved comes back as it is."""
    if path.startswith("/"):
        return posixpath.normpath(path)
    return posixpath.normpath(posixpath.join(cwd, path)) if cwd and cwd.startswith("/") else path


def script(exepath: str | None, cmdline: str | None, cwd: str | None) -> str | None:
    """Return the path of the script an exec ran, None when it ran no interpreter or no script file.

    A script started by its name shows as ``evil.sh /tmp/evil.sh``, one given to a shell as ``bash /tmp/evil.sh``.
    """
    words = arguments(cmdline)
    if not is_interpreter(exepath) or len(words) < 2:
        return None
    for word in words[1:]:
        if word in ("-c", "-e", "-m", "-r", "-E", "-s", "-"):
            return None  # a command, a module, or standard input
        if not word.startswith("-"):
            return resolve(word, cwd) if "/" in word or "." in word else None
    return None


def ran(exepath: str | None, asked: str | None, cmdline: str | None, cwd: str | None) -> list[str]:
    """Return the paths an exec ran: the program, the file asked for where it is another, the script given to it."""
    found = [exepath, asked, script(exepath, cmdline, cwd)]
    return list(dict.fromkeys(resolve(path, cwd) for path in found if path))
