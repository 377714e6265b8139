cimport cython
from tiercel.state.fd_tables cimport FdTables
from tiercel.state.reader cimport Reader
from tiercel.model.tables cimport Rows
from tiercel.state.texts cimport Texts
from tiercel.state.threads cimport Group, Thread, ThreadTable

cdef int _EXECVEAT_E
cdef Py_ssize_t _TID, _PID, _PTID, _VTID, _VPID, _VPGID, _PGID, _COMM, _EXE, _EXEPATH, _ARGS, _CWD, _CGROUPS, _UID, _GID
cdef Py_ssize_t _LOGINUID, _TTY, _FLAGS, _CAP_PERMITTED, _CAP_EFFECTIVE, _CAP_INHERITABLE, _EXE_INO, _EXE_CTIME, _EXE_MTIME
cdef Py_ssize_t _EXE_FLAGS, _LASTEXEC_TS, _EXE_CTIME_TO_CLONE


@cython.final
cdef class Execs:
    cdef public ThreadTable table
    cdef public Reader reader
    cdef public Texts texts
    cdef public FdTables descriptors
    cdef public Rows files
    cpdef enter(self, Py_ssize_t i, int type, Thread thread)
    @cython.locals(table=ThreadTable, reader=Reader, texts=Texts, group=Group, member=Thread, row=Py_ssize_t, exe=Py_ssize_t, comm=Py_ssize_t, args=Py_ssize_t, kept=cython.uint, data="long long[:, ::1]")
    cpdef exit(self, Py_ssize_t i, long long ts, Thread thread)
    @cython.locals(reader=Reader)
    cdef _exepath(self, Py_ssize_t i, Thread thread, Py_ssize_t row)
    @cython.locals(file=Py_ssize_t)
    cdef bytes _called(self, object call, Thread thread, Py_ssize_t row)
    @cython.locals(reader=Reader, data="long long[:, ::1]", ctime=cython.longlong)
    cdef _identity(self, Py_ssize_t i, Thread thread, Py_ssize_t row)


cpdef long long wrapped(long long difference) noexcept
