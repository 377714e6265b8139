cimport cython

cdef int _OTHER, _FD, _PID, _ERRNO, _INT, _TABLE, _TEXT, _PATH, _BYTES, _UID, _GID, _HEX, GENERIC_X
cdef long long _TWO_31, _TWO_32, _LOWEST


cdef class Plan:
    cdef public object param
    cdef public bytes prefix
    cdef public int code, size, dirfd
    cdef public dict known


cdef class Renderer:
    cdef public object batch, raw
    cdef const unsigned char[::1] data
    cdef const unsigned short[::1] types
    cdef const int[::1] first, start, length, process
    cdef list plans
    cdef bytes dot, plain
    cdef dict errors
    cdef public dict descriptors, paths, commands, directories
    cdef public Py_ssize_t capacity, position, split
    cdef public object buffer
    cdef unsigned char[::1] out
    cdef public bint odd

    cdef room(self, Py_ssize_t size)
    @cython.locals(size=Py_ssize_t, at=Py_ssize_t, i=Py_ssize_t, out=cython.uchar[::1])
    cdef put(self, bytes text)
    @cython.locals(size=Py_ssize_t, at=Py_ssize_t, i=Py_ssize_t, char=cython.uchar, plain=bytes,
                   out=cython.uchar[::1])
    cdef put_checked(self, bytes text)
    @cython.locals(at=Py_ssize_t, digits=Py_ssize_t, end=Py_ssize_t, i=Py_ssize_t, limit=cython.longlong,
                   out=cython.uchar[::1])
    cdef put_number(self, long long value)
    @cython.locals(at=Py_ssize_t, shift=int, digit=cython.uchar)
    cdef put_hex(self, long long value)
    cdef put_resolved(self, bytes text)
    @cython.locals(low=cython.longlong, high=cython.longlong)
    cdef long long read(self, Py_ssize_t at, int size)
    cdef bytes bytes_of(self, Py_ssize_t at, Py_ssize_t size)
    @cython.locals(found=bytes)
    cpdef bytes descriptor(self, long long row)
    cpdef long long file_row(self, Py_ssize_t i, long long fd)
    @cython.locals(found=bytes)
    cpdef bytes command(self, Py_ssize_t i, long long tid, long long row)
    @cython.locals(found=bytes, j=Py_ssize_t, fd=cython.longlong, row=cython.longlong)
    cpdef bytes directory(self, Py_ssize_t i, Py_ssize_t k, int dirfd)
    cpdef bytes open_directory(self, Py_ssize_t i, long long fd)
    @cython.locals(found=bytes, begin=bytes, key=tuple)
    cpdef bytes resolved_path(self, Py_ssize_t i, Py_ssize_t k, int dirfd, bytes path)
    @cython.locals(plan=Plan, code=int, j=Py_ssize_t, size=Py_ssize_t, at=Py_ssize_t, position=Py_ssize_t,
                   n=Py_ssize_t, value=cython.longlong, dot=bytes, char=cython.uchar,
                    out=cython.uchar[::1])
    cpdef emit(self, Py_ssize_t i, Py_ssize_t k, long long row)
    @cython.locals(begin=Py_ssize_t, odd=bint, n=Py_ssize_t, char=cython.uchar, plain=bytes,
                   out=cython.uchar[::1])
    cdef emit_text(self, Py_ssize_t i, Py_ssize_t k, Plan plan, Py_ssize_t at, Py_ssize_t size)
    @cython.locals(value=cython.longlong, known=bytes, begin=Py_ssize_t, length=Py_ssize_t, n=Py_ssize_t,
                   out=cython.uchar[::1])
    cdef emit_table(self, Plan plan, Py_ssize_t at, Py_ssize_t size)
    cdef emit_other(self, Py_ssize_t i, Plan plan, Py_ssize_t at, Py_ssize_t size)
    @cython.locals(kind=Py_ssize_t, plans=list, plan=Plan, count=Py_ssize_t, k=Py_ssize_t)
    cdef write_args(self, Py_ssize_t i, const long long[::1] rows, Py_ssize_t base)
    @cython.locals(ends=cython.longlong[::1], n=Py_ssize_t, begin=Py_ssize_t)
    cpdef all_args(self, const long long[::1] indices, const long long[::1] rows, const long long[::1] bases, bint clean)
