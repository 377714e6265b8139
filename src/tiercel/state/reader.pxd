cimport cython


@cython.final
cdef class Reader:
    cdef const unsigned char[::1] data
    cdef const unsigned long long[:] wide
    cdef const unsigned int[:] half
    cdef const int[::1] first, start, sizes
    cdef object buffer
    cdef Py_ssize_t bytes_held, spans
    cpdef load(self, batch)
    cpdef Py_ssize_t params(self, Py_ssize_t i) except -1
    @cython.locals(j=Py_ssize_t)
    cpdef Py_ssize_t span(self, Py_ssize_t i, Py_ssize_t k) except -2
    @cython.locals(begin=Py_ssize_t, size=Py_ssize_t)
    cpdef Py_ssize_t length(self, Py_ssize_t j) except -1
    @cython.locals(j=Py_ssize_t)
    cpdef bint empty(self, Py_ssize_t i, Py_ssize_t k) except -1
    @cython.locals(begin=Py_ssize_t, size=Py_ssize_t, k=Py_ssize_t, low=cython.uint, high=cython.ulonglong)
    cpdef unsigned long long u64(self, Py_ssize_t j) except? 1431655765
    @cython.locals(value=cython.longlong)
    cpdef long long i64(self, Py_ssize_t j) except? 1431655765
    @cython.locals(begin=Py_ssize_t, size=Py_ssize_t, k=Py_ssize_t, value=cython.uint)
    cpdef unsigned int u32(self, Py_ssize_t j) except? 1431655765
    @cython.locals(value=cython.int)
    cpdef int i32(self, Py_ssize_t j) except? 1431655765
    @cython.locals(begin=Py_ssize_t, size=Py_ssize_t)
    cpdef unsigned int u16(self, Py_ssize_t j) except? 1431655765
    cpdef unsigned int u8(self, Py_ssize_t j) except? 1431655765
    @cython.locals(begin=Py_ssize_t, size=Py_ssize_t)
    cpdef bytes raw(self, Py_ssize_t j)
    @cython.locals(found=bytes, end=Py_ssize_t)
    cpdef bytes text(self, Py_ssize_t j)
