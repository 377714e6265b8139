cimport cython
from tiercel.state.fd_log cimport FdLog
from tiercel.state.reader cimport Reader
from tiercel.model.tables cimport Rows, Strings
from tiercel.state.threads cimport Thread, ThreadTable

cdef Py_ssize_t _CAPACITY, _HELD, _WIDTH, _PROBES
cdef Py_ssize_t _KIND, _NAME, _FLAGS, _OPENFLAGS, _L4PROTO, _SIP, _DIP, _FD, _SOCKET
cdef unsigned long long _MASK, _MIX
cdef long long _UNINITIALIZED, _NO_PROTOCOL, _NOBODY, _RECENT


@cython.final
cdef class Entered:
    cdef public int type
    cdef public bint live
    cdef public Py_ssize_t path
    cdef public long long flags, dirfd
    cdef public bint has_dirfd
    cdef public bytes address
    cpdef begin(self, int type)


cdef class FdTables:
    cdef public Rows files
    cdef public Strings strings
    cdef public ThreadTable threads
    cdef public dict tables
    cdef public FdLog log
    cdef public Reader reader
    cdef public Py_ssize_t held, slot_count, slots_used
    cdef public object slot_cells
    cdef long long[::1] slots
    cdef public Py_ssize_t index, file_row, old_name
    cdef public long long fd, closing_fd, closing_owner, table_owner
    cdef public bint has_fd, name_changed
    cdef public Thread thread
    cdef public dict table, entered, closing_table
    cdef public list recent_tables
    cdef public object recent_cells
    cdef long long[::1] recent_owners
    cdef public Py_ssize_t live
    cdef public Entered call
    cpdef begin(self, batch, Reader reader)
    @cython.locals(at=Py_ssize_t)
    cpdef dict of(self, long long owner)
    @cython.locals(at=Py_ssize_t)
    cpdef replaced(self, long long owner)
    cpdef select(self, long long owner)
    @cython.locals(j=Py_ssize_t, size=Py_ssize_t)
    cpdef long long result(self) except? 1431655765
    @cython.locals(found=object)
    cpdef Py_ssize_t find(self, long long fd) except -2
    @cython.locals(table=dict, thread=Thread, found=object)
    cpdef put(self, long long fd, Py_ssize_t row)
    @cython.locals(table=dict, thread=Thread)
    cpdef change(self, Py_ssize_t row)
    @cython.locals(row=Py_ssize_t, column=Py_ssize_t)
    cpdef Py_ssize_t draft(self, long long kind) except -1
    @cython.locals(column=Py_ssize_t, at=Py_ssize_t, other=Py_ssize_t, _=Py_ssize_t)
    cpdef Py_ssize_t intern(self, Py_ssize_t row, long long fd) except -1
    @cython.locals(mixed=cython.ulonglong, column=Py_ssize_t)
    cdef Py_ssize_t _hash(self, Py_ssize_t row) except -1
    @cython.locals(fd=cython.longlong, at=Py_ssize_t, row=Py_ssize_t, _=Py_ssize_t)
    cpdef share(self)
    @cython.locals(table=dict, found=object)
    cdef _finish_close(self)
    @cython.locals(table=dict, before=dict)
    cpdef fork(self, long long parent, long long child)
    @cython.locals(table=dict)
    cpdef exec(self, long long owner)
    cpdef remove(self, long long owner, dict table, long long fd)
    @cython.locals(flags=cython.longlong, kind=cython.longlong)
    cpdef bint _closes_on_exec(self, Py_ssize_t row) except -1
    @cython.locals(table=dict)
    cpdef drop(self, long long owner)
    @cython.locals(table=dict)
    cpdef Py_ssize_t count(self, long long owner) except -1
    @cython.locals(table=dict, found=object)
    cpdef Py_ssize_t row(self, long long owner, long long fd) except -2
    cpdef Py_ssize_t row_at(self, long long owner, long long fd, Py_ssize_t index) except -2
    cpdef dict table_at(self, long long owner, Py_ssize_t index)
