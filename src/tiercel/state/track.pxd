cimport cython
from tiercel.state.clones cimport Clones
from tiercel.state.descriptors cimport Descriptors
from tiercel.state.execs cimport Execs
from tiercel.state.reader cimport Reader
from tiercel.state.self_changes cimport SelfChanges
from tiercel.model.tables cimport Rows
from tiercel.state.texts cimport Texts
from tiercel.state.threads cimport Group, Thread, ThreadTable

cdef long long _NONE
cdef unsigned int _CLOSED
cdef Py_ssize_t _EXIT_PARAMS, _RECENT, _CGROUPS, _CONTAINER
cdef int _THREAD, _NOTHING, _KNOWN_THREAD, _META, _CLONE, _EXIT, _EXEC_ENTER, _EXEC, _CHROOT, _CHANGE, _SWITCH


@cython.final
cdef class Tracker:
    cdef public object tables, world, containers, lookup, handling, compaction
    cdef public Reader reader
    cdef public ThreadTable table
    cdef public Texts texts
    cdef public Descriptors descriptors
    cdef public Clones clones
    cdef public Execs execs
    cdef public SelfChanges changes
    cdef public long long leaving
    cdef public Py_ssize_t events
    cdef public list recent
    cpdef track(self, object batch)
    @cython.locals(
        table=ThreadTable, descriptors=Descriptors, handling="const unsigned char[::1]", types="const unsigned short[::1]",
        tids="const long long[::1]", times="const long long[::1]", c_process="int[::1]", c_file="int[::1]",
        c_fd="long long[::1]", c_has_fd="unsigned char[::1]", c_changed="unsigned char[::1]", c_fdcount="int[::1]",
        c_threads="int[::1]", c_children="int[::1]", c_memory="unsigned int[:, ::1]",
        c_faults="unsigned long long[:, ::1]", recent=list, open_fds=dict, thread=Thread, main=Thread, group=Group,
        i=Py_ssize_t, type=cython.int, kind=cython.int, tid=cython.longlong, alive=cython.longlong,
    )
    cdef _run(self, object batch, Py_ssize_t count)
    @cython.locals(thread=Thread)
    cdef _leave(self, Py_ssize_t i, long long ts)
    cdef Thread _handle(self, Py_ssize_t i, int kind, int type, long long tid, long long ts, Thread thread)
    cdef _exit(self, Py_ssize_t i, Thread thread)
    @cython.locals(reader=Reader, main=Thread)
    cdef _switch(self, Py_ssize_t i, Thread thread)
    @cython.locals(thread=Thread, rows=Rows, row=Py_ssize_t, container=Py_ssize_t)
    cdef _contain(self, Py_ssize_t i, long long tid)
