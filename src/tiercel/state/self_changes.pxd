cimport cython
from tiercel.state.fd_tables cimport FdTables
from tiercel.state.reader cimport Reader
from tiercel.model.tables cimport Rows
from tiercel.state.texts cimport Texts
from tiercel.state.threads cimport Thread, ThreadTable

cdef int _CHDIR, _FCHDIR, _GETCWD, _SETSID, _SETRESUID, _SETREUID, _SETUID, _SETRESGID, _SETREGID, _SETGID, _CAPSET
cdef int _UNSHARE, _SETNS, _PRCTL, _GETRLIMIT, _SETRLIMIT, _PRLIMIT, _BRK, _MMAP, _MMAP2, _MUNMAP
cdef unsigned int _RLIMIT_NOFILE, _PR_SET_CHILD_SUBREAPER, _PR_GET_CHILD_SUBREAPER
cdef Py_ssize_t _CWD, _ROOT, _SID, _UID, _GID, _CAP_PERMITTED, _CAP_EFFECTIVE, _CAP_INHERITABLE


@cython.final
cdef class SelfChanges:
    cdef public ThreadTable table
    cdef public Reader reader
    cdef public Texts texts
    cdef public FdTables descriptors
    cdef public Rows files
    @cython.locals(reader=Reader, result=cython.longlong, file=Py_ssize_t)
    cpdef event(self, Py_ssize_t i, int type, Thread thread)
    @cython.locals(reader=Reader)
    cpdef chroot(self, Py_ssize_t i, Thread thread)
    @cython.locals(main=Thread, number=Py_ssize_t)
    cpdef enter_directory(self, Py_ssize_t i, Thread thread, bytes path)
    cdef _show_all(self, Py_ssize_t i, Thread main)
    @cython.locals(row=Py_ssize_t)
    cdef _set(self, Py_ssize_t i, Thread thread, Py_ssize_t column, long long value)
    cdef _set_id(self, Py_ssize_t i, Thread thread, Py_ssize_t column, Py_ssize_t k)
    cdef _capabilities(self, Py_ssize_t i, Thread thread, long long inheritable, long long permitted, long long effective)
    @cython.locals(reader=Reader, option=cython.uint)
    cdef _subreaper(self, Py_ssize_t i, Thread thread)
    cdef _limit(self, Py_ssize_t i, Thread main, long long limit)
    @cython.locals(reader=Reader, limit=cython.longlong, tid=cython.longlong, other=Thread)
    cdef _limit_of_other(self, Py_ssize_t i, Thread thread)
