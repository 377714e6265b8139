"""Takes events out of the rings of the probe, in order of their times, as the blocks of a capture file."""

cimport cython
from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

cdef extern from *:
    """
    #define tiercel_load(at) __atomic_load_n((at), __ATOMIC_ACQUIRE)
    #define tiercel_store(at, value) __atomic_store_n((at), (value), __ATOMIC_RELEASE)
    """
    unsigned long tiercel_load(unsigned long *at) nogil
    unsigned int tiercel_load32 "tiercel_load"(unsigned int *at) nogil
    void tiercel_store(unsigned long *at, unsigned long value) nogil

cdef unsigned int BUSY = 1u << 31
cdef unsigned int DISCARDED = 1u << 30
cdef int SPINS = 4000
cdef int PATIENCE = 50
cdef unsigned long long NEVER = ~<unsigned long long>0

cdef struct Ring:
    unsigned long *consumer
    unsigned long *producer
    unsigned char *data
    unsigned long mask
    unsigned long at     # of the next record
    unsigned long limit  # where the writer was
    unsigned long long ts  # of the event at hand, NEVER without one
    unsigned int length


cdef class Rings:
    """The mapped rings.

    ``maps`` holds for each ring the page of the reader and the pages of the writer with the data twice, ``size`` the
    bytes of a ring's data, ``page`` those of a page.
    """

    cdef Ring *rings
    cdef Py_buffer *buffers
    cdef int count
    cdef int held
    cdef int late  # times in a row that an event was not finished
    cdef public bint more
    cdef public bint malformed

    def __cinit__(self, maps, Py_ssize_t size, Py_ssize_t page):
        self.count = len(maps)
        self.rings = <Ring *>calloc(self.count, sizeof(Ring))
        self.buffers = <Py_buffer *>calloc(2 * self.count, sizeof(Py_buffer))
        if self.rings == NULL or self.buffers == NULL:
            raise MemoryError
        for i, (reader, writer) in enumerate(maps):
            PyObject_GetBuffer(reader, &self.buffers[self.held], PyBUF_SIMPLE | PyBUF_WRITABLE)
            self.held += 1
            PyObject_GetBuffer(writer, &self.buffers[self.held], PyBUF_SIMPLE)
            self.held += 1
            if self.buffers[2 * i].len < page or self.buffers[2 * i + 1].len < page + 2 * size:
                raise ValueError("a ring is mapped too short")
            self.rings[i].consumer = <unsigned long *>self.buffers[2 * i].buf
            self.rings[i].producer = <unsigned long *>self.buffers[2 * i + 1].buf
            self.rings[i].data = <unsigned char *>self.buffers[2 * i + 1].buf + page
            self.rings[i].mask = size - 1

    def __dealloc__(self):
        for i in range(self.held):
            PyBuffer_Release(&self.buffers[i])
        free(self.rings)
        free(self.buffers)

    def close(self):
        """Let go of the maps."""
        for i in range(self.held):
            PyBuffer_Release(&self.buffers[i])
        self.held = 0
        self.count = 0

    cdef int head(self, Ring *ring) noexcept nogil:
        """Look at the next event of a ring; return 1 for one that is still being written after a short wait."""
        cdef unsigned int length
        cdef int spins = 0
        cdef unsigned char *record
        ring.ts = NEVER
        while ring.at < ring.limit:
            record = ring.data + (ring.at & ring.mask)
            length = tiercel_load32(<unsigned int *>record)
            if length & BUSY:
                spins += 1
                if spins > SPINS:
                    return 1
                continue
            if length & DISCARDED:
                ring.at += ((length & ~(BUSY | DISCARDED)) + 8 + 7) & ~<unsigned long>7
                continue
            if length < 40 or length > 0x10000 or length > ring.limit - ring.at - 8:
                self.malformed = True  # cannot be: better to lose a ring than to read past it
                ring.at = ring.limit
                return 0
            ring.length = length
            memcpy(&ring.ts, record + 8 + 10, 8)
            return 0
        return 0

    @cython.boundscheck(False)
    def fill(self, unsigned char[::1] room, Py_ssize_t start, unsigned long long until):
        """Move events stamped up to ``until`` into ``room`` from byte ``start`` on; return where they end.

        ``more`` says that there was no room for all of them.
        """
        cdef Py_ssize_t at = start, end = room.shape[0]
        cdef int i, first, busy = 0
        cdef unsigned long long second
        cdef Ring *ring
        self.more = False
        with nogil:
            for i in range(self.count):
                ring = &self.rings[i]
                ring.at = ring.consumer[0]
                ring.limit = tiercel_load(ring.producer)
            for i in range(self.count):
                busy |= self.head(&self.rings[i])
            # what is not finished may be older than what is: wait for it, but not for ever
            while not self.more and not (busy and self.late < PATIENCE):
                first = -1
                second = NEVER
                for i in range(self.count):
                    if self.rings[i].ts == NEVER:
                        continue
                    if first < 0:
                        first = i
                    elif self.rings[i].ts < self.rings[first].ts:
                        second = self.rings[first].ts
                        first = i
                    elif self.rings[i].ts < second:
                        second = self.rings[i].ts
                if first < 0:
                    break
                ring = &self.rings[first]
                if ring.ts > until:
                    break
                while ring.ts <= second and ring.ts <= until and ring.ts != NEVER:
                    if ring.length > end - at:
                        self.more = True
                        break
                    memcpy(&room[at], ring.data + (ring.at & ring.mask) + 8, ring.length)
                    at += ring.length
                    ring.at += (ring.length + 8 + 7) & ~<unsigned long>7
                    if self.head(ring):
                        busy = 1
                tiercel_store(ring.consumer, ring.at)
            for i in range(self.count):
                tiercel_store(self.rings[i].consumer, self.rings[i].at)
            self.late = self.late + 1 if busy else 0
        return at
