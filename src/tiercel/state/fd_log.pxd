cimport cython

cdef long long _WHOLE


@cython.final
cdef class FdLog:
    cdef public Py_ssize_t count, capacity, indexed, kept
    cdef public object cells
    cdef long long[:, ::1] data
    cdef public list tables
    cdef public dict found
    cpdef clear(self)
    @cython.locals(k=Py_ssize_t)
    cpdef note(self, long long owner, long long fd, Py_ssize_t index, Py_ssize_t row)
    cpdef note_table(self, long long owner, Py_ssize_t index, dict table)
    @cython.locals(k=Py_ssize_t, owner=cython.longlong, fd=cython.longlong, of_owner=dict, positions=list)
    cdef _sort(self)
    @cython.locals(low=Py_ssize_t, high=Py_ssize_t, middle=Py_ssize_t, k=Py_ssize_t)
    cdef Py_ssize_t _later(self, list positions, Py_ssize_t index) except -1
    @cython.locals(of_owner=dict, one=Py_ssize_t, all_=Py_ssize_t, found=object)
    cpdef Py_ssize_t before(self, long long owner, long long fd, Py_ssize_t index, Py_ssize_t now) except -2
    @cython.locals(of_owner=dict, cut=Py_ssize_t, k=Py_ssize_t)
    cpdef dict table_before(self, long long owner, Py_ssize_t index, dict now)
