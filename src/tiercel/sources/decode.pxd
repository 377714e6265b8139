cimport cython

from tiercel.sources.waiting cimport Waiting

cdef unsigned int _EV, _EV_INT, _EV_V2, _EV_V2_LARGE, _EVF, _EVF_V2, _EVF_V2_LARGE
cdef Py_ssize_t _MAX_BLOCK, _MAX_SMALL_BLOCK, _PARAMS, _STORED
cdef unsigned int _STATE_ONLY


cdef class Decoder:
    cdef public Waiting waiting
    cdef public object data, pool
    cdef Py_ssize_t end
    cdef const unsigned short[:] w16
    cdef const unsigned int[:] w32
    cdef const unsigned long long[:] w64
    cdef const long long[:] s64

    cdef Py_ssize_t known
    cdef public unsigned long long num
    cdef public unsigned long long first_ts
    cdef public bint leading
    cdef public int stop
    cdef public Py_ssize_t count
    cdef public Py_ssize_t spans

    cdef unsigned long long[::1] c_num
    cdef unsigned long long[::1] c_ts
    cdef long long[::1] c_tid
    cdef unsigned short[::1] c_cpu
    cdef unsigned short[::1] c_type
    cdef unsigned char[::1] c_visible
    cdef int[::1] c_first
    cdef int[::1] c_start
    cdef int[::1] c_length
    cdef int[::1] t_start
    cdef int[::1] t_length

    cdef int[:, ::1] action
    cdef int[:, ::1] plans
    cdef int[:, ::1] ops
    cdef unsigned char[::1] traits
    cdef int[::1] table_params

    cdef int widen(self) except -1

    cdef int json(self, Py_ssize_t block) except -1

    @cython.locals(fitting=cython.Py_ssize_t, reach=cython.Py_ssize_t, count=cython.Py_ssize_t)
    cdef Py_ssize_t parameters(self, Py_ssize_t at, Py_ssize_t end, Py_ssize_t number) except -1

    @cython.locals(value=cython.Py_ssize_t, base=cython.Py_ssize_t, k=cython.Py_ssize_t, length=cython.Py_ssize_t)
    cdef int measure(self, Py_ssize_t at, Py_ssize_t count, bint wide, Py_ssize_t end, bint aside) except -1

    @cython.locals(
        base=cython.Py_ssize_t, first=cython.Py_ssize_t, param=cython.Py_ssize_t, slot=cython.Py_ssize_t,
        k=cython.Py_ssize_t, op=cython.Py_ssize_t, code=cython.int, start=cython.int, length=cython.int,
    )
    cdef int convert(self, Py_ssize_t chosen, long long tid, Py_ssize_t block) except -1

    @cython.locals(slot=cython.Py_ssize_t, k=cython.Py_ssize_t)
    cdef int remember(self, long long tid, int number, Py_ssize_t count) except -1

    @cython.locals(
        end=cython.Py_ssize_t, kind=cython.uint, total=cython.Py_ssize_t, flags=cython.uint, at=cython.Py_ssize_t,
        header=cython.Py_ssize_t, most=cython.Py_ssize_t, block=cython.Py_ssize_t, number=cython.Py_ssize_t,
        cpu=cython.ushort, ts=cython.ulonglong, tid=cython.longlong, traits=cython.uint,
        close=cython.Py_ssize_t, lengths=cython.Py_ssize_t, width=cython.Py_ssize_t,
        count=cython.Py_ssize_t, length=cython.Py_ssize_t, chosen=cython.Py_ssize_t, visible=cython.int,
        n=cython.Py_ssize_t,
    )
    cpdef Py_ssize_t run(self, Py_ssize_t position, Py_ssize_t size) except -1
