"""Compiled forms of the functions of :mod:`tiercel.store.spans`."""

from libc.string cimport memcpy


def counted(const int[::1] first, const long long[::1] order, int[::1] begins):
    """Fill ``begins`` with where the spans of the events at ``order`` begin in their new arrangement."""
    cdef Py_ssize_t n, i, events = first.shape[0] - 1
    cdef long long at = 0
    if begins.shape[0] != order.shape[0] + 1:
        raise ValueError("counted: arrays of other sizes than expected")
    begins[0] = 0
    for n in range(order.shape[0]):
        i = order[n]
        if i < 0 or i >= events or first[i + 1] < first[i]:
            raise ValueError("counted: an event outside the table")
        at += first[i + 1] - first[i]
        if at > 0x7FFFFFFF:
            raise ValueError("more than 2^31 parameters")
        begins[n + 1] = <int>at


def arranged(
    const int[::1] first,
    const long long[::1] order,
    const int[::1] codes,
    const int[::1] offsets,
    const int[::1] begins,
    int[::1] start,
    int[::1] length,
):
    """Fill ``start`` and ``length`` with the spans that ``codes`` are the numbers of, in the new arrangement."""
    cdef Py_ssize_t n, i, j, at, code, spans = offsets.shape[0] - 1, room = start.shape[0]
    if begins.shape[0] != order.shape[0] + 1 or length.shape[0] != room:
        raise ValueError("arranged: arrays of other sizes than expected")
    for n in range(order.shape[0]):
        i = order[n]
        at = begins[n]
        if i < 0 or i >= first.shape[0] - 1 or first[i] < 0 or first[i + 1] > codes.shape[0] or at < 0:
            raise ValueError("arranged: an event outside the table")
        if at + first[i + 1] - first[i] > room:
            raise ValueError("arranged: more spans than expected")
        for j in range(first[i], first[i + 1]):
            code = codes[j]
            if code < 0 or code >= spans:
                raise ValueError("arranged: a span outside the table")
            start[at] = offsets[code]
            length[at] = offsets[code + 1] - offsets[code]
            at += 1


def gathered(
    const unsigned char[::1] data,
    const int[::1] start,
    const int[::1] length,
    const int[::1] begins,
    unsigned char[::1] out,
):
    """Copy the spans of ``data`` to where they begin in ``out``."""
    cdef Py_ssize_t n, size, at, to, total = data.shape[0], room = out.shape[0]
    if start.shape[0] != length.shape[0] or begins.shape[0] != start.shape[0] + 1:
        raise ValueError("gathered: arrays of other sizes than expected")
    for n in range(start.shape[0]):
        at, size, to = start[n], length[n], begins[n]
        if size <= 0:
            continue
        if at < 0 or at + size > total or to < 0 or to + size > room:
            raise ValueError("gathered: a span outside the data")
        memcpy(&out[to], &data[at], size)
