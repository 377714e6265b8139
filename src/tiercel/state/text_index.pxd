cimport cython
from tiercel.state.reader cimport Reader
from tiercel.model.tables cimport Strings

cdef unsigned long long _PRIME
cdef Py_ssize_t _PROBES, _LONGEST


@cython.final
cdef class TextIndex:
    cdef public Strings strings
    cdef public Py_ssize_t absent, null, size, used
    cdef public object cells
    cdef long long[::1] slots
    cpdef clear(self)
    cpdef resize(self, Py_ssize_t size)
    @cython.locals(size=Py_ssize_t, begin=Py_ssize_t, k=Py_ssize_t, mixed=cython.ulonglong, byte=cython.uint, at=Py_ssize_t, _=Py_ssize_t, found=Py_ssize_t, text=bytes)
    cpdef Py_ssize_t number(self, Reader reader, Py_ssize_t j) except -1
