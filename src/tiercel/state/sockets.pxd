cimport cython

cdef int _AF_UNIX, _AF_INET, _AF_INET6
cdef int _L4_NONE, _L4_TCP, _L4_UDP, _L4_ICMP, _L4_RAW
cdef int _IPV4, _IPV6, _IPV4_SERVER, _IPV6_SERVER
cdef long long _ROLES
cdef bytes _MAPPED, _ANY6

cpdef bint is_address(bytes data) except -1
cpdef bint is_tuple(bytes data) except -1
cpdef bint is_mapped(bytes address) except -1
cpdef bytes ip_text(bytes address)
cpdef int port_of(bytes two) except -1
cpdef bytes end_text(bytes address, bytes port)
cpdef bytes pair_text(bytes source, bytes sport, bytes destination, bytes dport)
@cython.locals(family=cython.int)
cpdef bytes address_text(bytes data)
@cython.locals(family=cython.int, source=bytes, sport=bytes, destination=bytes, dport=bytes)
cpdef bytes tuple_text(bytes data)
cpdef int protocol(int kind, bytes known) except -1
@cython.locals(found=cython.int)
cpdef int shown_protocol(int kind, long long flags, bytes known) except -1
@cython.locals(at=Py_ssize_t)
cpdef bytes set_protocol(int kind, bytes known, int l4)
cpdef bytes overlay(bytes known, Py_ssize_t at, bytes part)
cpdef tuple ends(int kind, bytes known)
@cython.locals(l4=cython.int, source=bytes, destination=bytes, mapped=cython.bint)
cpdef bytes name(int kind, bytes known)
@cython.locals(new=bytes)
cpdef bytes merge4(int kind, bytes known, bytes source, bytes sport, bytes destination, bytes dport)
@cython.locals(new=bytes)
cpdef bytes merge6(int kind, bytes known, bytes source, bytes sport, bytes destination, bytes dport)
cpdef bytes swap(int kind, bytes known)
@cython.locals(at=Py_ssize_t, size=Py_ssize_t)
cpdef bytes believed(bytes ends, bytes told, bytes entered)
