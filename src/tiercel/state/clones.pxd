cimport cython
from tiercel.state.fd_tables cimport FdTables
from tiercel.state.reader cimport Reader
from tiercel.state.texts cimport Texts
from tiercel.state.threads cimport Thread, ThreadTable

cdef int _VFORK
cdef Py_ssize_t _TID, _PID, _PTID, _REAPER, _VTID, _VPID, _COMM, _EXE, _ARGS, _CWD, _CGROUPS, _CONTAINER, _UID, _GID
cdef Py_ssize_t _FLAGS, _CLONE_TS, _LASTEXEC_TS, _PIDNS_START_TS


@cython.final
cdef class Clones:
    cdef public ThreadTable table
    cdef public Reader reader
    cdef public Texts texts
    cdef public FdTables descriptors
    cdef public long long boot_ts
    cdef public dict exits
    cpdef exited(self, long long tid, long long ptid, long long ts)
    cpdef bint recently_exited(self, long long tid, long long ptid, long long ts) except -1
    @cython.locals(child=cython.longlong)
    cpdef Thread clone(self, Py_ssize_t i, int type, long long tid, long long ts, Thread thread)
    @cython.locals(table=ThreadTable, reader=Reader, caller=Thread, existing=Thread, thread=Thread, valid=bint, leader=bint, row=Py_ssize_t, flags=cython.uint)
    cpdef Thread caller(self, Py_ssize_t i, int type, long long tid, long long ts, long long child_tid)
    @cython.locals(table=ThreadTable, reader=Reader, source=Thread, valid=bint, leader=bint, row=Py_ssize_t, vpid=cython.longlong, started=cython.longlong)
    cpdef Thread child(self, Py_ssize_t i, long long tid, long long ts, Thread thread)
    cpdef drop(self)
    @cython.locals(reader=Reader, vpid=cython.longlong)
    cdef long long _virtual(self, Py_ssize_t i, Thread thread, long long tid) except *
    @cython.locals(data="long long[:, ::1]")
    cdef _identify(self, Thread thread, Py_ssize_t row)
    @cython.locals(table=ThreadTable, reader=Reader, texts=Texts, row=Py_ssize_t, exe=Py_ssize_t, args=Py_ssize_t, comm=Py_ssize_t, groups=Py_ssize_t, data="long long[:, ::1]")
    cdef Py_ssize_t _row(self, Py_ssize_t i, Thread thread, Thread source, bint valid, bint leader, long long ts) except -1
    @cython.locals(own=Py_ssize_t, data="long long[:, ::1]")
    cdef _same_program(self, Thread thread, Py_ssize_t row, Py_ssize_t i)
    @cython.locals(owner=cython.longlong)
    cdef bint _enter(self, Py_ssize_t i, Thread thread, Thread source, bint inherit) except -1
