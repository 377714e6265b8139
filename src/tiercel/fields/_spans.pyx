"""Compiled form of :func:`tiercel.fields.span_texts.intern_spans`."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.string cimport memchr, memcmp, memcpy

from tiercel.model.tables cimport Strings

cdef enum:
    SLOTS = 8192


def intern_spans(
    Strings strings,
    const unsigned char[::1] data,
    const long long[::1] starts,
    const long long[::1] lengths,
    bint cut,
    long long[::1] recent,
    long long[::1] out,
):
    """Intern stretches of ``data``; ``recent`` remembers string numbers by a hash of the bytes, checked before use."""
    cdef Py_ssize_t i, at, size, slot, total = data.shape[0]
    cdef unsigned long long head, tail, key
    cdef long long number
    cdef const unsigned char *text
    cdef const void *end
    cdef list values = strings.values
    cdef bytes known
    if recent.shape[0] != SLOTS or out.shape[0] != starts.shape[0] or lengths.shape[0] != starts.shape[0]:
        raise ValueError("intern_spans: arrays of other sizes than expected")
    for i in range(starts.shape[0]):
        at, size = starts[i], lengths[i]
        if at < 0 or size < 0 or at + size > total:
            raise ValueError("intern_spans: a span outside the data")
        if size == 0:
            out[i] = 0
            continue
        text = &data[at]
        if cut:
            end = memchr(text, 0, size)
            if end != NULL:
                size = <const unsigned char *>end - text
                if size == 0:
                    out[i] = 0
                    continue
        head = tail = 0
        if size >= 8:
            memcpy(&head, text, 8)
            memcpy(&tail, text + size - 8, 8)
        else:
            memcpy(&head, text, size)
        key = (head ^ (tail * <unsigned long long>0x9E3779B97F4A7C15) ^ <unsigned long long>size) * <unsigned long long>0xD6E8FEB86659FD93
        slot = <Py_ssize_t>(key >> 51)
        number = recent[slot]
        if 0 <= number < len(values):
            known = <bytes>values[number]
            if PyBytes_GET_SIZE(known) == size and memcmp(PyBytes_AS_STRING(known), text, size) == 0:
                out[i] = number
                continue
        number = strings.intern(PyBytes_FromStringAndSize(<const char *>text, size))
        recent[slot] = number
        out[i] = number


def spans(
    const int[::1] first,
    const int[::1] start,
    const int[::1] length,
    const unsigned short[::1] types,
    const short[::1] positions,
    const long long[:] indices,
    long long[::1] starts,
    long long[::1] lengths,
    unsigned char[::1] there,
):
    """Find the parameter that ``positions`` names for each event type."""
    cdef Py_ssize_t n, i, j
    cdef short k
    for n in range(indices.shape[0]):
        i = indices[n]
        k = positions[types[i]]
        j = first[i] + k
        if k >= 0 and j < first[i + 1]:
            starts[n], lengths[n], there[n] = start[j], length[j], 1
        else:
            starts[n], lengths[n], there[n] = 0, 0, 0


def integers(
    const int[::1] first,
    const int[::1] start,
    const int[::1] length,
    const unsigned short[::1] types,
    const short[::1] positions,
    const long long[:] indices,
    const unsigned char[::1] data,
    int size,
    bint signed,
    long long[::1] values,
    unsigned char[::1] there,
):
    """Read that parameter as a little-endian number where it has ``size`` bytes."""
    cdef Py_ssize_t n, i, j, at, total = data.shape[0]
    cdef short k
    cdef unsigned long long number
    cdef unsigned long long top = <unsigned long long>1 << (size * 8 - 1)
    for n in range(indices.shape[0]):
        i = indices[n]
        k = positions[types[i]]
        j = first[i] + k
        values[n], there[n] = 0, 0
        if k < 0 or j >= first[i + 1] or length[j] != size:
            continue
        at = start[j]
        if at < 0 or at + size > total:
            continue
        number = 0
        memcpy(&number, &data[at], size)
        if signed and size < 8 and number & top:
            number -= top << 1
        values[n], there[n] = <long long>number, 1
