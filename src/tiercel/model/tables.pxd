cimport cython


cdef class Strings:
    cdef public dict index
    cdef public list values
    cpdef Py_ssize_t intern(self, bytes text)


cdef class Rows:
    cdef public Py_ssize_t width, count, capacity
    cdef public object array
    cdef long long[:, ::1] data
    cpdef Py_ssize_t blank(self)
    @cython.locals(new=Py_ssize_t, column=Py_ssize_t)
    cpdef Py_ssize_t copy(self, Py_ssize_t row)
    cpdef grow(self)
    cpdef replace(self, rows)
