cimport cython
from tiercel.state.fd_tables cimport Entered, FdTables
from tiercel.state.reader cimport Reader
from tiercel.state.text_index cimport TextIndex
from tiercel.state.threads cimport Thread

cdef long long _AT_FDCWD
cdef Py_ssize_t _JOINED, _OPENED
cdef long long _MIX1, _MIX2, _MIX3, _MIX4
cdef Py_ssize_t _NAME, _NAMERAW, _FLAGS, _OPENFLAGS, _DEV, _INO, _PID
cdef long long _FILE_V2, _DIRECTORY, _FIFO, _MEMFD, _PIDFD, _UNINITIALIZED
cdef int _OPEN, _OPENAT, _OPENAT2, _CREAT, _PIPE2, _DUP3, _CREAT_E, _OPENAT_E, _OPENAT2_E, _CONNECT_E
cdef long long _O_F_CREATED, _O_DIRECTORY, _O_CLOEXEC, _UPPER_LAYER, _LOWER_LAYER, _OVERLAY_UPPER, _OVERLAY_LOWER, _CLOEXEC_BITS


cdef class OpenEvents(FdTables):
    cdef public dict kinds, flag_params
    cdef public object join_keys_held, join_numbers_held, opened_held
    cdef long long[::1] join_keys, join_numbers, opened
    cdef public TextIndex texts
    cdef public Py_ssize_t unknown_directory, here, dot
    cdef public int epoll1
    cdef public bint sparse
    @cython.locals(reader=Reader, i=Py_ssize_t, j=Py_ssize_t, fd=cython.longlong, flags=cython.longlong, dev=cython.longlong, ino=cython.longlong, layer=cython.uint, name=bytes, raw=Py_ssize_t, full=Py_ssize_t, name_at=Py_ssize_t, inode_at=Py_ssize_t, call=Entered, dirfd=cython.longlong, has_dirfd=cython.bint)
    cpdef open(self, int action)
    @cython.locals(at=Py_ssize_t, row=Py_ssize_t, data="long long[:, ::1]")
    cdef Py_ssize_t _opened(self, long long fd, long long flags, long long dev, long long ino, Py_ssize_t full, Py_ssize_t raw) except -1
    @cython.locals(reader=Reader, i=Py_ssize_t, thread=Thread, call=Entered, at=Py_ssize_t, path=Py_ssize_t)
    cpdef enter(self, int type)
    @cython.locals(thread=Thread)
    cdef Py_ssize_t _cwd(self) except -1
    @cython.locals(row=Py_ssize_t)
    cpdef Py_ssize_t at_directory(self, long long dirfd, Py_ssize_t raw) except -1
    @cython.locals(key=cython.longlong, at=Py_ssize_t, directory=bytes, full=Py_ssize_t)
    cdef Py_ssize_t _join(self, long long base, long long raw, bint slash) except -1
    @cython.locals(fd=cython.longlong, row=Py_ssize_t)
    cpdef single(self, int type)
    @cython.locals(reader=Reader, row=Py_ssize_t, fd=cython.longlong)
    cpdef pipe(self, int type)
    @cython.locals(reader=Reader, row=Py_ssize_t, fd=cython.longlong)
    cpdef memfd(self)
    @cython.locals(reader=Reader, row=Py_ssize_t, fd=cython.longlong, pid=cython.longlong)
    cpdef pidfd_open(self)
    @cython.locals(reader=Reader, holder=Py_ssize_t, other=Thread, target=cython.longlong, row=Py_ssize_t)
    cpdef pidfd_getfd(self)
    @cython.locals(flags=cython.longlong, wanted=cython.longlong, name=Py_ssize_t)
    cpdef copy(self, Py_ssize_t row, long long fd, bint cloexec)
    @cython.locals(new=Py_ssize_t)
    cpdef Py_ssize_t with_flags(self, Py_ssize_t row, long long wanted) except -1
    @cython.locals(fd=cython.longlong, cloexec=cython.bint)
    cpdef dup(self, int type)
    @cython.locals(reader=Reader, command=cython.uint, fd=cython.longlong, wanted=cython.longlong)
    cpdef fcntl(self)
    cpdef close(self)
    @cython.locals(thread=Thread)
    cdef _forget(self, long long fd)
    @cython.locals(reader=Reader, table=dict, thread=Thread, first=cython.longlong, last=cython.longlong, marks=cython.bint, owner=cython.longlong, row=Py_ssize_t, new=Py_ssize_t)
    cpdef close_range(self)
