"""Compiled form of :func:`tiercel.capture.event_blocks.event_blocks`."""

from cpython.bytearray cimport PyByteArray_FromStringAndSize
from libc.string cimport memcpy, memset


cdef inline void put16(unsigned char *at, unsigned int value) noexcept nogil:
    at[0] = value & 0xFF
    at[1] = value >> 8 & 0xFF


cdef inline void put32(unsigned char *at, unsigned int value) noexcept nogil:
    at[0] = value & 0xFF
    at[1] = value >> 8 & 0xFF
    at[2] = value >> 16 & 0xFF
    at[3] = value >> 24 & 0xFF


cdef inline void put64(unsigned char *at, unsigned long long value) noexcept nogil:
    put32(at, <unsigned int>(value & 0xFFFFFFFFUL))
    put32(at + 4, <unsigned int>(value >> 32))


def event_blocks(
    const unsigned char[::1] data,
    const unsigned long long[::1] ts,
    const long long[::1] tid,
    const unsigned short[::1] cpu,
    const unsigned short[::1] types,
    const int[::1] first,
    const int[::1] start,
    const int[::1] length,
    const long long[::1] chosen,
    const unsigned char[::1] hidden,
    const unsigned char[::1] large,
    Py_ssize_t limit,
):
    """Return the blocks of the events at ``chosen`` and how many there are; those too long for their block are left out."""
    cdef Py_ssize_t n, i, j, total = 0, events = first.shape[0] - 1, spans = start.shape[0], size = data.shape[0]
    cdef Py_ssize_t count = chosen.shape[0], width, body, block, at, value, kept = 0
    cdef long long payload
    cdef unsigned int kind
    cdef unsigned char *out
    if hidden.shape[0] != count or length.shape[0] < spans:
        raise ValueError("event_blocks: arrays of other sizes than expected")
    if min(ts.shape[0], tid.shape[0], cpu.shape[0], types.shape[0]) < events:
        raise ValueError("event_blocks: columns are shorter than expected")
    for n in range(count):
        i = chosen[n]
        if i < 0 or i >= events or types[i] >= large.shape[0]:
            raise ValueError("event_blocks: an event outside the batch")
        if first[i] < 0 or first[i + 1] < first[i] or first[i + 1] > spans:
            raise ValueError("event_blocks: a span outside the table")
        payload = 0
        for j in range(first[i], first[i + 1]):
            if start[j] < 0 or length[j] < 0 or <long long>start[j] + length[j] > size:
                raise ValueError("event_blocks: a span outside the data")
            payload += length[j]
        width = 4 if large[types[i]] else 2
        block = (14 + (4 if hidden[n] else 0) + 26 + width * (first[i + 1] - first[i]) + payload + 3) & ~3
        if width == 2 and block > limit:
            continue
        total += block
    blocks = PyByteArray_FromStringAndSize(NULL, total)
    cdef unsigned char[::1] room = blocks
    if total == 0:
        return blocks, 0
    out = &room[0]
    at = 0
    for n in range(count):
        i = chosen[n]
        payload = 0
        for j in range(first[i], first[i + 1]):
            payload += length[j]
        width = 4 if large[types[i]] else 2
        body = 26 + width * (first[i + 1] - first[i]) + payload
        block = (14 + (4 if hidden[n] else 0) + body + 3) & ~3
        if width == 2 and block > limit:
            continue
        kept += 1
        if hidden[n]:
            kind = 0x222 if width == 4 else 0x217
        else:
            kind = 0x221 if width == 4 else 0x216
        put32(out + at, kind)
        put32(out + at + 4, <unsigned int>block)
        put16(out + at + 8, cpu[i])
        value = at + 10
        if hidden[n]:
            put32(out + value, 1)
            value += 4
        put64(out + value, ts[i])
        put64(out + value + 8, <unsigned long long>tid[i])
        put32(out + value + 16, <unsigned int>body)
        put16(out + value + 20, types[i])
        put32(out + value + 22, <unsigned int>(first[i + 1] - first[i]))
        value += 26
        for j in range(first[i], first[i + 1]):
            if width == 4:
                put32(out + value, <unsigned int>length[j])
            else:
                put16(out + value, <unsigned int>length[j])
            value += width
        for j in range(first[i], first[i + 1]):
            if length[j]:
                memcpy(out + value, &data[start[j]], length[j])
            value += length[j]
        memset(out + value, 0, at + block - 4 - value)
        put32(out + at + block - 4, <unsigned int>block)
        at += block
    return blocks, kept
