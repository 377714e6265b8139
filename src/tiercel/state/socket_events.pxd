cimport cython
from tiercel.state cimport sockets
from tiercel.state.fd_tables cimport Entered
from tiercel.state.open_events cimport OpenEvents
from tiercel.state.reader cimport Reader
from tiercel.state.threads cimport Thread

cdef Py_ssize_t _NAME, _KIND, _FLAGS, _OPENFLAGS, _FAMILY, _L4PROTO, _SIP, _DIP, _SPORT, _DPORT, _UNIX_SOURCE, _UNIX_DEST, _SOCKET
cdef long long _IPV4, _IPV6, _IPV4_SERVER, _IPV6_SERVER, _UNIX, _NETLINK, _UNKNOWN, _UNINITIALIZED
cdef long long _CLIENT, _SERVER, _CONNECTED, _UNCONNECTED, _EINPROGRESS, _O_CLOEXEC
cdef int _AF_INET6, _AF_INET, _AF_NETLINK, _AF_UNIX, _L4_ICMP, _L4_RAW, _L4_TCP, _L4_UDP, _L4_UNKNOWN
cdef bytes _NOTHING
cdef int _ACCEPT4, _SEND, _SENDTO, _SENDMSG, _RECVMMSG, _SENDMMSG


cdef class SocketEvents(OpenEvents):
    cdef public object interfaces, tuple_cells
    cdef const signed char[::1] tuple_at
    cdef public set steady
    cdef public dict made
    cdef public long long kind, flags
    cdef public Py_ssize_t name
    cdef public bytes known
    @cython.locals(data="long long[:, ::1]", known=cython.longlong)
    cdef _take(self)
    @cython.locals(row=Py_ssize_t)
    cdef _commit(self)
    @cython.locals(data="long long[:, ::1]", kind=cython.longlong, source=bytes, destination=bytes)
    cdef _describe(self, Py_ssize_t row)
    @cython.locals(row=Py_ssize_t)
    cpdef add(self, long long fd, long long openflags)
    @cython.locals(made=tuple, row=object)
    cpdef add_socket(self, long long fd, long long domain, long long type, long long protocol, long long openflags)
    @cython.locals(reader=Reader, fd=cython.longlong, i=Py_ssize_t)
    cpdef socket(self)
    @cython.locals(reader=Reader, i=Py_ssize_t, one=cython.longlong, two=cython.longlong, row=Py_ssize_t, first=Py_ssize_t)
    cpdef socketpair(self)
    @cython.locals(data=bytes, known=bytes)
    cpdef bind(self)
    @cython.locals(result=cython.longlong, reader=Reader, ends=bytes, call=Entered)
    cpdef connect(self)
    cdef _aim(self, bytes target)
    @cython.locals(before=bytes)
    cdef _connected(self, bytes ends)
    @cython.locals(fd=cython.longlong, thread=Thread, reader=Reader, ends=bytes, blank=bytes, openflags=cython.longlong)
    cpdef accept(self, int type)
    @cython.locals(reader=Reader, ends=bytes)
    cdef _infer(self)
    @cython.locals(at=Py_ssize_t, kind=cython.longlong, speaks=cython.bint, row=Py_ssize_t)
    cpdef transfer(self, int type, bint incoming)
    @cython.locals(ends=bytes, known=tuple, before=Py_ssize_t, learned=cython.bint)
    cdef _told(self, Py_ssize_t at, bint incoming)
    @cython.locals(before=bytes, kind=cython.longlong)
    cdef bint _learn(self, bytes ends) except -1
    @cython.locals(sport=cython.longlong, dport=cython.longlong, bound=cython.bint, uses=cython.bint, data="long long[:, ::1]", kind=cython.longlong)
    cdef long long _guess(self, bint incoming) except -1
