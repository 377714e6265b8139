cimport cython

cdef Py_ssize_t _LIMIT
cdef int _SLASH, _DOT

@cython.locals(lead=cython.uint, byte=cython.uint, low=cython.uint, high=cython.uint, size=cython.int, point=cython.uint, k=cython.int)
cpdef int sequence_length(bytes text, Py_ssize_t at, Py_ssize_t end) except? 0
@cython.locals(end=Py_ssize_t, at=Py_ssize_t, step=cython.int, out=bytearray)
cpdef bytes printable(bytes text)
@cython.locals(end=Py_ssize_t, at=Py_ssize_t, byte=cython.uint, after=cython.uint)
cpdef bint is_plain(bytes path) except -1
@cython.locals(end=Py_ssize_t, relative=cython.bint, out=bytearray)
cpdef bytes concatenate(bytes base, bytes path)
@cython.locals(end=Py_ssize_t, at=Py_ssize_t, n=Py_ssize_t, rootless=cython.bint, byte=cython.uint, step=cython.int, first=cython.bint, one=cython.uint, two=cython.uint)
cdef bytes _resolve(bytearray out, bytes path)
