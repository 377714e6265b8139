cimport cython

cdef Py_ssize_t _PROBES, _STORED
cdef int _FREE, _VIRGIN


cdef class Waiting:
    cdef public Py_ssize_t slots
    cdef long long[::1] tid
    cdef int[::1] number
    cdef int[::1] count
    cdef int[::1] start
    cdef int[::1] length

    @cython.locals(
        before=cython.Py_ssize_t, old=cython.Py_ssize_t, slot=cython.Py_ssize_t, k=cython.Py_ssize_t,
        tid="long long[::1]", number="int[::1]", count="int[::1]", start="int[::1]", length="int[::1]",
    )
    cdef _resize(self, Py_ssize_t slots)

    @cython.locals(home=cython.longlong, step=cython.Py_ssize_t, slot=cython.Py_ssize_t)
    cpdef Py_ssize_t find(self, long long tid) except? -2

    @cython.locals(home=cython.longlong, step=cython.Py_ssize_t, slot=cython.Py_ssize_t, free=cython.Py_ssize_t)
    cpdef Py_ssize_t claim(self, long long tid) except? -2

    @cython.locals(slot=cython.Py_ssize_t, found=cython.int)
    cpdef Py_ssize_t take(self, long long tid, int number) except? -2

    @cython.locals(
        slot=cython.Py_ssize_t, k=cython.Py_ssize_t, j=cython.Py_ssize_t, start=cython.Py_ssize_t,
        length=cython.Py_ssize_t, most=cython.Py_ssize_t,
    )
    cpdef carry(self, bytearray old, bytearray new)
