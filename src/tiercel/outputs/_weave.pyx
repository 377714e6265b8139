"""Compiled form of :func:`tiercel.outputs.weave.weave`: one pass over the events into one growing text."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.list cimport PyList_GET_ITEM, PyList_GET_SIZE
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF, Py_XDECREF
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

cdef extern from "Python.h":
    int _PyBytes_Resize(PyObject **text, Py_ssize_t size) except -1


cdef enum:
    TABLE, SIGNED, UNSIGNED, TEXTS, ESCAPED
    LONGEST = 20  # digits of a number, its sign included


cdef struct Column:
    int form
    int width
    Py_ssize_t size  # of the text
    const long long *numbers  # codes, values or offsets
    const unsigned char *valid  # NULL: all are
    const char *text
    PyObject *table
    const char *missing
    Py_ssize_t missing_size
    const char *piece  # what follows
    Py_ssize_t piece_size


cdef class Out:
    """A growing text."""

    cdef PyObject *text
    cdef char *data
    cdef Py_ssize_t capacity, at

    def __cinit__(self):
        self.text = NULL
        self.capacity = self.at = 0
        self.resize(1 << 16)

    def __dealloc__(self):
        Py_XDECREF(self.text)

    cdef int resize(self, Py_ssize_t capacity) except -1:
        cdef object new
        if self.text == NULL:
            new = PyBytes_FromStringAndSize(NULL, capacity)
            Py_INCREF(new)
            self.text = <PyObject *>new
        else:
            _PyBytes_Resize(&self.text, capacity)  # sets text to NULL when it raises
        self.data = PyBytes_AS_STRING(<object>self.text)
        self.capacity = capacity
        return 0

    cdef inline int room(self, Py_ssize_t size) except -1:
        """Make sure that ``size`` more bytes fit."""
        if size > self.capacity - self.at:
            self.resize(max(2 * self.capacity, self.at + size))
        return 0

    cdef bytes whole(self):
        """Return the text; there is nothing left to write to."""
        cdef object text
        self.resize(self.at)
        text = <object>self.text
        Py_XDECREF(self.text)
        self.text = NULL
        return text


cdef inline Py_ssize_t digits(char *out, unsigned long long value, bint negative, int width) noexcept nogil:
    """Write a number with zeros up to ``width`` bytes; return how many bytes that took."""
    cdef char reversed[LONGEST]
    cdef int count = 0, i
    cdef unsigned int rest
    cdef Py_ssize_t at = 0
    while value >= 1000000000:  # the rest of the way in 32 bits, which is quicker
        rest = <unsigned int>(value % 1000000000)
        value //= 1000000000
        for i in range(9):
            reversed[count] = <char>(48 + rest % 10)
            rest //= 10
            count += 1
    rest = <unsigned int>value
    while rest or count == 0:
        reversed[count] = <char>(48 + rest % 10)
        rest //= 10
        count += 1
    if negative:
        out[0] = 45
        at = 1
    for i in range(width - count - <int>at):
        out[at] = 48
        at += 1
    for i in range(count):
        out[at] = reversed[count - 1 - i]
        at += 1
    return at


cdef inline Py_ssize_t escaped(char *out, const char *text, Py_ssize_t size) noexcept nogil:
    """Write a text without control characters as inside a JSON string."""
    cdef Py_ssize_t at = 0, i
    cdef char char_
    for i in range(size):
        char_ = text[i]
        if char_ == 34 or char_ == 92:
            out[at] = 92
            at += 1
        out[at] = char_
        at += 1
    return at


cdef int describe(Column *column, tuple packed, bytes piece, Py_ssize_t events) except -1:
    """Take a column over; what it points to is kept alive by the caller."""
    cdef const long long[::1] numbers = packed[1]
    cdef const unsigned char[::1] valid
    cdef bytes text
    cdef list table
    column.form = packed[0]
    column.piece, column.piece_size = PyBytes_AS_STRING(piece), PyBytes_GET_SIZE(piece)
    if numbers.shape[0] != events + (column.form >= TEXTS):
        raise ValueError("weave: a column of another length than the lines")
    column.numbers = &numbers[0]
    if column.form == TABLE:
        table = packed[2]
        column.table = <PyObject *>table
    elif column.form >= TEXTS:
        text = packed[2]
        column.text, column.size = PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text)
    else:
        text = packed[3]
        column.width = packed[4]
        column.missing, column.missing_size = PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text)
        if packed[2] is not None:
            valid = packed[2]
            if valid.shape[0] != events:
                raise ValueError("weave: a column of another length than the lines")
            column.valid = &valid[0]
    return 0


cdef int write(Out out, const Column *column, Py_ssize_t i) except -1:
    """Write what event ``i`` shows, and the piece after it."""
    cdef long long number = column.numbers[i]
    cdef Py_ssize_t size
    cdef PyObject *item
    if column.form == TABLE:
        if not 0 <= number < PyList_GET_SIZE(<list>column.table):
            raise IndexError("weave: a code without an entry in its table")
        item = <PyObject *>PyList_GET_ITEM(<list>column.table, number)
        if not isinstance(<object>item, bytes):
            raise TypeError("weave: a table holds bytes")
        size = PyBytes_GET_SIZE(<object>item)
        out.room(size + column.piece_size)
        memcpy(out.data + out.at, PyBytes_AS_STRING(<object>item), size)
    elif column.form >= TEXTS:
        size = column.numbers[i + 1] - number
        if number < 0 or size < 0 or number + size > column.size:
            raise IndexError("weave: a text outside the data")
        out.room(2 * size + column.piece_size)
        if column.form == TEXTS:
            memcpy(out.data + out.at, column.text + number, size)
        else:
            size = escaped(out.data + out.at, column.text + number, size)
    elif column.valid != NULL and not column.valid[i]:
        size = column.missing_size
        out.room(size + column.piece_size)
        memcpy(out.data + out.at, column.missing, size)
    else:
        out.room(LONGEST + column.width + column.piece_size)
        if column.form == SIGNED and number < 0:
            size = digits(out.data + out.at, -<unsigned long long>number, True, column.width)
        else:
            size = digits(out.data + out.at, <unsigned long long>number, False, column.width)
    out.at += size
    memcpy(out.data + out.at, column.piece, column.piece_size)
    out.at += column.piece_size
    return 0


def weave(list pieces, list columns, long long[::1] ends):
    cdef Py_ssize_t events = ends.shape[0], width = len(columns), i, c
    cdef bytes first = pieces[0]
    cdef Column *described
    cdef Out out = Out()
    if len(pieces) != width + 1:
        raise ValueError("weave: one more piece than columns")
    if not events:
        return b""
    described = <Column *>calloc(width + 1, sizeof(Column))
    if described == NULL:
        raise MemoryError()
    try:
        for c in range(width):
            describe(&described[c], columns[c], pieces[c + 1], events)
        for i in range(events):
            out.room(PyBytes_GET_SIZE(first))
            memcpy(out.data + out.at, PyBytes_AS_STRING(first), PyBytes_GET_SIZE(first))
            out.at += PyBytes_GET_SIZE(first)
            for c in range(width):
                write(out, &described[c], i)
            ends[i] = out.at
    finally:
        free(described)
    return out.whole()


def gather(bytes data, const long long[::1] starts, const long long[::1] ends):
    """Return stretches of ``data`` one after the other."""
    cdef Py_ssize_t i, count = starts.shape[0], total = 0, at = 0, size = PyBytes_GET_SIZE(data)
    cdef bytes gathered
    cdef char *out
    if ends.shape[0] != count:
        raise ValueError("gather: as many ends as starts")
    for i in range(count):
        if starts[i] < 0 or ends[i] < starts[i] or ends[i] > size:
            raise IndexError("gather: a stretch outside the data")
        total += ends[i] - starts[i]
    gathered = PyBytes_FromStringAndSize(NULL, total)
    out = PyBytes_AS_STRING(gathered)
    for i in range(count):
        memcpy(out + at, PyBytes_AS_STRING(data) + starts[i], ends[i] - starts[i])
        at += ends[i] - starts[i]
    return gathered
