cimport cython
from tiercel.state.reader cimport Reader
from tiercel.model.tables cimport Strings


@cython.final
cdef class Texts:
    cdef public Reader reader
    cdef public Strings strings
    cdef dict _cgroups
    @cython.locals(raw=bytes, end=Py_ssize_t)
    cpdef bytes text(self, Py_ssize_t j)
    cpdef Py_ssize_t number(self, Py_ssize_t j) except -1
    cpdef Py_ssize_t items(self, Py_ssize_t j) except -1
    cpdef Py_ssize_t cgroups(self, Py_ssize_t j, Py_ssize_t otherwise) except -2
