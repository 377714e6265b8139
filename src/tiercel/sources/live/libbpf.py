"""The part of libbpf that loading the probe takes, through ctypes."""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Callable
from functools import cache
from typing import Any

from tiercel.sources.live.errors import LiveError

_LIBRARY = "libbpf.so.1"
_KEPT = 200  # messages

_PRINT = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
_POINTER, _INT, _TEXT, _SIZE, _U32 = ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint32

_FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "libbpf_set_print": (_POINTER, [_POINTER]),
    "libbpf_version_string": (_TEXT, []),
    "bpf_object__open_file": (_POINTER, [_TEXT, _POINTER]),
    "bpf_object__load": (_INT, [_POINTER]),
    "bpf_object__close": (None, [_POINTER]),
    "bpf_object__find_map_by_name": (_POINTER, [_POINTER, _TEXT]),
    "bpf_object__find_program_by_name": (_POINTER, [_POINTER, _TEXT]),
    "bpf_map__fd": (_INT, [_POINTER]),
    "bpf_map__set_max_entries": (_INT, [_POINTER, _U32]),
    "bpf_map__initial_value": (_POINTER, [_POINTER, _POINTER]),
    "bpf_map_create": (_INT, [_INT, _TEXT, _U32, _U32, _U32, _POINTER]),
    "bpf_map_delete_elem": (_INT, [_INT, _POINTER]),
    "bpf_map_update_elem": (_INT, [_INT, _POINTER, _POINTER, ctypes.c_uint64]),
    "bpf_program__attach": (_POINTER, [_POINTER]),
    "bpf_program__attach_iter": (_POINTER, [_POINTER, _POINTER]),
    "bpf_program__set_autoload": (_INT, [_POINTER, ctypes.c_bool]),
    "bpf_link__fd": (_INT, [_POINTER]),
    "bpf_link__destroy": (_INT, [_POINTER]),
    "bpf_iter_create": (_INT, [_INT]),
}


class Libbpf:
    """The library; every function raises OSError where libbpf reports an error."""

    def __init__(self) -> None:
        try:
            self._library = ctypes.CDLL(_LIBRARY, use_errno=True)
        except OSError:
            raise LiveError(
                f"{_LIBRARY} is not installed: install libbpf (package libbpf1 on Debian and Ubuntu, libbpf on Fedora)"
            ) from None
        self.messages: list[str] = []
        self._print = _PRINT(self._told)
        self._libc = ctypes.CDLL(None)
        self._libc.vsnprintf.argtypes = [_POINTER, _SIZE, _TEXT, _POINTER]
        self._functions: dict[str, Callable[..., Any]] = {}
        for name, (result, arguments) in _FUNCTIONS.items():
            function = getattr(self._library, name)
            function.restype, function.argtypes = result, arguments
            self._functions[name] = function
        self._functions["libbpf_set_print"](ctypes.cast(self._print, _POINTER))

    def _told(self, level: int, form: bytes, arguments: int) -> int:
        if level <= 1:
            room = ctypes.create_string_buffer(4096)
            self._libc.vsnprintf(room, len(room), form, arguments)
            self.messages.append(room.value.decode("utf-8", "replace").strip())
            del self.messages[:-_KEPT]
        return 0

    def __call__(self, name: str, *arguments: Any) -> Any:
        """Call a function of the library; a null pointer or a negative number is an error."""
        result = self._functions[name](*arguments)
        kind = _FUNCTIONS[name][0]
        if kind is _INT and result < 0:
            raise OSError(-result if result < -1 else ctypes.get_errno(), f"{name}: {os.strerror(-result)}")
        if kind is _POINTER and not result and name != "libbpf_set_print":
            number = ctypes.get_errno() or errno.EINVAL
            raise OSError(number, f"{name}: {os.strerror(number)}")
        return result


@cache
def libbpf() -> Libbpf:
    """Return the library, loaded once. Raises LiveError when it is not installed."""
    return Libbpf()
