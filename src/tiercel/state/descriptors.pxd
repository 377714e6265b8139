cimport cython
from tiercel.state.fd_tables cimport Entered
from tiercel.state.socket_events cimport SocketEvents
from tiercel.state.threads cimport Thread

cdef Py_ssize_t _NAME
cdef long long _NOBODY
cdef int _READ, _WRITE, _CLOSE, _OPEN, _OPEN_BY_HANDLE, _DUP, _FCNTL, _PIPE, _SINGLE, _SOCKET, _BIND, _CONNECT, _ACCEPT
cdef int _SOCKETPAIR, _CLOSE_RANGE, _MEMFD, _PIDFD_OPEN, _ENTER


@cython.final
cdef class Descriptors(SocketEvents):
    cdef public object action_cells, location_cells
    cdef const unsigned char[::1] actions
    cdef const signed char[::1] locations
    cdef public Py_ssize_t types
    cdef public set server_ports
    @cython.locals(location=Py_ssize_t, action=cython.int, j=Py_ssize_t)
    cpdef event(self, Thread thread, Py_ssize_t index, int type)
    @cython.locals(call=Entered)
    cdef _return(self, long long tid, int type)
    cdef _act(self, int action, int type)
    cpdef forget(self)
    cpdef load(self, long long tid, list records)
    @cython.locals(row=Py_ssize_t, data="long long[:, ::1]")
    cpdef Py_ssize_t _loaded(self, record) except -2
    cpdef _load_connection(self, record)
    @cython.locals(row=Py_ssize_t, new=Py_ssize_t, table=dict)
    cpdef loaded(self)
