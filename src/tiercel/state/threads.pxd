cimport cython
from tiercel.model.tables cimport Rows, Strings

cdef Py_ssize_t _COMM, _CONTAINER, _CWD, _ENV, _EXE, _FDLIMIT, _FDOWNER, _FLAGS, _GID, _LOGINUID, _PGID, _PID, _PTID, _REAPER, _SID, _TID, _UID, _VPGID, _VPID, _VTID
cdef long long _NO_ID
cdef Py_ssize_t _EXPIRED_CHILDREN, _GENERATIONS


@cython.final
cdef class Group:
    cdef public long long pid, alive
    cdef public bint reaper
    cdef public Thread first
    cdef public dict members


@cython.final
cdef class Thread:
    cdef public long long tid, pid, ptid, vtid, reaper, owner
    cdef public unsigned int flags
    cdef public Py_ssize_t row
    cdef public long long touched
    cdef public long long clone_ts
    cdef public long long fdlimit
    cdef public Py_ssize_t cwd, env
    cdef public unsigned int vmsize, vmrss, vmswap
    cdef public unsigned long long pfmajor, pfminor
    cdef public Thread main
    cdef public Group group
    cdef public Thread parent
    cdef public dict children
    cdef public long long expired, unexpired
    cdef public bint gone
    cdef public object call
    cpdef bint is_main(self)
    cpdef bint is_invalid(self)
    cpdef bint is_dead(self)
    cpdef bint in_pid_namespace(self)
    cpdef bind(self)
    cpdef long long living(self)
    cpdef long long others(self)


@cython.final
cdef class ThreadTable:
    cdef public Rows rows
    cdef public Py_ssize_t capacity
    cdef public dict threads, groups
    cdef public long long base, budget
    cdef public list removed, log_tid, log_index, log_row
    cdef public Py_ssize_t unknown, nowhere
    cpdef begin(self, Py_ssize_t events)
    cpdef Thread find(self, long long tid)
    cpdef bint full(self)
    @cython.locals(found=Thread, thread=Thread)
    cpdef Thread get(self, long long tid, Py_ssize_t index)
    @cython.locals(row=Py_ssize_t, data="long long[:, ::1]")
    cpdef Py_ssize_t blank(self, long long tid) except -1
    cpdef note(self, long long tid, Py_ssize_t index, Py_ssize_t row)
    cpdef Py_ssize_t touch(self, Thread thread, Py_ssize_t index) except -2
    @cython.locals(before=Thread)
    cpdef put(self, Thread thread, Py_ssize_t index)
    cpdef bint add(self, Thread thread, Py_ssize_t index) except -1
    @cython.locals(group=Group, parent=Thread, vpid=cython.longlong)
    cpdef relate(self, Thread thread, Py_ssize_t index)
    @cython.locals(row=Py_ssize_t)
    cpdef set_parent(self, Thread thread, long long ptid, Py_ssize_t index)
    cpdef adopt(self, Thread parent, Thread child, Py_ssize_t index)
    @cython.locals(member=Thread)
    cpdef spread(self, Group group, Py_ssize_t index)
    @cython.locals(cwd=Py_ssize_t, env=Py_ssize_t, limit=cython.longlong, main=Thread, row=Py_ssize_t)
    cpdef show(self, Thread thread, Py_ssize_t index)
    @cython.locals(thread=Thread, group=Group)
    cpdef remove(self, long long tid, Py_ssize_t index)
    @cython.locals(reaper=Thread, child=Thread)
    cdef _orphan(self, Thread thread, Py_ssize_t index)
    @cython.locals(found=Thread, parent=Thread, inside=bint)
    cdef Thread _find_reaper(self, Thread thread)
    @cython.locals(first=Thread, member=Thread)
    cdef Thread _first_alive(self, Group group, Thread besides)
    @cython.locals(parent=Thread, left=cython.longlong)
    cdef _lose_child(self, long long ptid)
    @cython.locals(thread=Thread)
    cdef _erase(self, long long tid, Py_ssize_t index)
    @cython.locals(parent=Thread, group=Group, member=Thread)
    cdef _forget(self, Thread thread)
