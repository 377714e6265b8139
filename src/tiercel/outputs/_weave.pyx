"""Compiled form of :func:`tiercel.outputs.weave.weave`: two passes, one allocation, plain copies."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.string cimport memcpy


def weave(list pieces, const long long[:, :] codes, list tables, long long[::1] ends):
    cdef Py_ssize_t events = codes.shape[1], width = len(tables), i, c, total = 0, at = 0, length
    cdef bytes item, woven
    cdef list table
    cdef char *out
    if len(pieces) != width + 1 or codes.shape[0] != width or ends.shape[0] != events:
        raise ValueError("weave: as many tables as rows of codes, and one more piece")
    for c in range(width + 1):
        item = pieces[c]
        total += PyBytes_GET_SIZE(item)
    total *= events
    for c in range(width):
        table = tables[c]
        for i in range(events):
            item = table[codes[c, i]]
            total += PyBytes_GET_SIZE(item)
    woven = PyBytes_FromStringAndSize(NULL, total)
    out = PyBytes_AS_STRING(woven)
    for i in range(events):
        for c in range(width + 1):
            item = pieces[c]
            length = PyBytes_GET_SIZE(item)
            memcpy(out + at, PyBytes_AS_STRING(item), length)
            at += length
            if c < width:
                item = (<list>tables[c])[codes[c, i]]
                length = PyBytes_GET_SIZE(item)
                memcpy(out + at, PyBytes_AS_STRING(item), length)
                at += length
        ends[i] = at
    return woven
