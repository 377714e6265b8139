"""Acts on sockets: connecting, accepting, listening, binding, tying standard input or output to one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tiercel.fields.evt_columns import I64
from tiercel.fields.fd_rows import rows_of
from tiercel.fields.params_text import address
from tiercel.model.batch import Batch
from tiercel.model.event import Event
from tiercel.reconstruct.acts import ends
from tiercel.reconstruct.acts.found import Found, denied, each, error, made, of_types, result, types

_CONNECT = types("SOCKET_CONNECT_X")
_ACCEPT = types("SOCKET_ACCEPT_5_X", "SOCKET_ACCEPT4_6_X")
_LISTEN = types("SOCKET_LISTEN_X")
_BIND = types("SOCKET_BIND_X")
_DUP = types("SYSCALL_DUP_1_X", "SYSCALL_DUP2_X", "SYSCALL_DUP3_X")
TYPES = _CONNECT | _ACCEPT | _LISTEN | _BIND | _DUP

_EINTR, _EALREADY, _EISCONN, _EINPROGRESS = -4, -114, -106, -115
_AGAIN = (_EINTR, _EALREADY, _EISCONN)
_STANDARD = {0: "stdin", 1: "stdout", 2: "stderr"}


def find(batch: Batch, at: I64) -> Iterator[Found]:
    """Yield the acts on IP and unix sockets; of failures the connections tried over IP, and what was denied."""
    for numbers, finder in ((_CONNECT, _connects), (_ACCEPT, _accepts), (_LISTEN, _listens), (_BIND, _binds)):
        chosen = of_types(batch, at, numbers)
        if len(chosen):
            yield from finder(batch, chosen)
    yield from _redirects(batch, of_types(batch, at, _DUP))


def _endpoint(data: bytes | None) -> bytes | None:
    """Return the address in a ``SOCKADDR`` parameter as text."""
    end = ends.address_of(data)
    return ends.path_of(data) if end is None else b"%s:%d" % (address(end[0]), end[1])


def _connects(batch: Batch, at: I64) -> Iterator[Found]:
    res = result(batch, at)
    ok = (res >= 0) | (res == _EINPROGRESS)
    to = made(batch, [_endpoint(Event(batch, i).param(3)) for i in at.tolist()])
    rows = rows_of(batch, at)
    inet, unix = ends.is_inet(batch, rows), ends.is_unix(batch, rows)
    names = np.where(ok, ends.names(batch, rows), -1)
    objects = np.where(names >= 0, names, to)
    kept = (objects >= 0) & ~np.isin(res, _AGAIN) & (ok | inet | denied(res)) & (inet | unix)
    at, res, ok, rows, objects = at[kept], res[kept], ok[kept], rows[kept], objects[kept]
    if not len(at):
        return
    known = ends.of_rows(batch, at, rows)
    sides = ends.choose(ok & (known.raddr >= 0), known, ends.given(batch, at, rows, 3, local=False))
    detail = each(batch, res, lambda value: None if value >= 0 else error(value))
    yield Found("connect", at, object=objects, detail=detail, res=res, ok=ok, ends=sides, merge=True)


def _accepts(batch: Batch, at: I64) -> Iterator[Found]:
    res = result(batch, at)
    rows = rows_of(batch, at)
    kept = (res >= 0) & (ends.is_inet(batch, rows) | ends.is_unix(batch, rows))
    at, rows = at[kept], rows[kept]
    names = ends.names(batch, rows)
    at, rows, names = at[names >= 0], rows[names >= 0], names[names >= 0]
    if len(at):
        yield Found("accept", at, object=names, ends=ends.of_rows(batch, at, rows), merge=True)


def _listens(batch: Batch, at: I64) -> Iterator[Found]:
    res = result(batch, at)
    rows = rows_of(batch, at)
    names = ends.names(batch, rows)
    kept = (res >= 0) & (ends.is_inet(batch, rows) | ends.is_unix(batch, rows)) & (names >= 0)
    if kept.any():
        at, rows = at[kept], rows[kept]
        yield Found("listen", at, object=names[kept], ends=ends.of_rows(batch, at, rows))


def _binds(batch: Batch, at: I64) -> Iterator[Found]:
    res = result(batch, at)
    objects = made(batch, [_endpoint(Event(batch, i).param(1)) for i in at.tolist()])
    kept = (objects >= 0) & ((res >= 0) | denied(res))
    at, res, objects = at[kept], res[kept], objects[kept]
    if len(at):
        sides = ends.given(batch, at, rows_of(batch, at), 1, local=True)
        yield Found("bind", at, object=objects, res=res, ok=res >= 0, ends=sides, merge=True)


def _redirects(batch: Batch, at: I64) -> Iterator[Found]:
    if not len(at):
        return
    res = result(batch, at)
    rows = rows_of(batch, at)
    kept = np.isin(res, list(_STANDARD)) & ends.is_inet(batch, rows)
    at, rows, res = at[kept], rows[kept], res[kept]
    if len(at):
        detail = each(batch, res, _STANDARD.get)
        sides = ends.of_rows(batch, at, rows)
        yield Found("redirect", at, object=ends.names(batch, rows), detail=detail, res=res, ends=sides)
