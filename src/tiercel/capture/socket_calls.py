"""Calls of a made-up process on sockets."""

from __future__ import annotations

from ipaddress import ip_address

from tiercel.capture.actor import inode
from tiercel.capture.file_calls import FileCalls
from tiercel.capture.parameters import Address, Unix
from tiercel.model.columns import FdKind
from tiercel.sources.records import FdRecord

_KINDS = {"tcp": (1, 6, 2), "udp": (2, 17, 3), "icmp": (3, 1, 4)}
"""Socket type, protocol number, and libscap's protocol number."""
_UNFINISHED = (None, "EINPROGRESS")


class SocketCalls(FileCalls):
    """Addresses are ``("203.0.113.9", 443)``, IPv4 or IPv6; a str is the path of a unix socket."""

    def socket(self, domain: str = "AF_INET", protocol: str = "tcp") -> int:
        """``socket``: return the new descriptor."""
        kind, number, l4proto = _KINDS[protocol]
        fd = self.free_fd()
        proto = 0 if domain == "AF_UNIX" else number
        self.emit("SOCKET_SOCKET_X", fd=fd, domain=domain, type=kind, proto=proto, flags=0)
        types = {"AF_INET": FdKind.IPV4_SOCK, "AF_INET6": FdKind.IPV6_SOCK, "AF_UNIX": FdKind.UNIX_SOCK}
        self.add_file(
            FdRecord(fd, inode("socket", str(self.tid), str(self.scenario.now)), types[domain], l4proto=l4proto)
        )
        return fd

    def connect(
        self,
        address: Address | str,
        *,
        protocol: str = "tcp",
        source: Address | None = None,
        fd: int | None = None,
        fail: str | None = None,
    ) -> int:
        """``connect``, after ``socket`` unless ``fd`` is given: return the descriptor."""
        if isinstance(address, str):
            return self._connect_unix(address, fd, fail)
        fd = self.socket(_domain(address), protocol) if fd is None else fd
        source = source or (self._own_address(address), 40000 + self.scenario.new_port())
        ends = (source, address) if fail in _UNFINISHED else None
        self.call("SOCKET_CONNECT_X", fail, tuple=ends, fd=fd, addr=address)
        if ends:
            self._join(fd, source, address)
        return fd

    def _connect_unix(self, path: str, fd: int | None, fail: str | None) -> int:
        fd = self.socket("AF_UNIX") if fd is None else fd
        number = inode("unix", path, str(self.tid))
        ends = Unix(path, 0xFFFF888000000000 + number * 64, 0xFFFF888100000000 + inode("unix", path) * 64)
        self.call("SOCKET_CONNECT_X", fail, tuple=ends if fail in _UNFINISHED else None, fd=fd, addr=Unix(path))
        if fail in _UNFINISHED:
            record = self.file(fd)
            record.fname, record.source, record.destination = path.encode(), ends.source, ends.destination
        return fd

    def bind(
        self, address: Address | str, *, fd: int | None = None, protocol: str = "tcp", fail: str | None = None
    ) -> int:
        """``bind``, after ``socket`` unless ``fd`` is given: return the descriptor."""
        if fd is None:
            fd = self.socket("AF_UNIX" if isinstance(address, str) else _domain(address), protocol)
        if self.call("SOCKET_BIND_X", fail, addr=address, fd=fd):
            record = self.file(fd)
            if isinstance(address, str):
                record.fname = address.encode()
            else:
                packed = ip_address(address[0]).packed
                record.type = FdKind.IPV4_SERVSOCK if len(packed) == 4 else FdKind.IPV6_SERVSOCK
                record.ip, record.port = packed, address[1]
        return fd

    def listen(self, address: Address | str | int, *, fail: str | None = None) -> int:
        """``listen``: on a bound descriptor, or on an address, after ``socket`` and ``bind``; return the descriptor."""
        fd = address if isinstance(address, int) else self.bind(address)
        self.call("SOCKET_LISTEN_X", fail, fd=fd, backlog=128)
        return fd

    def accept(self, fd: int, peer: Address) -> int:
        """``accept4`` of a connection from ``peer``: return the new descriptor."""
        server = self.file(fd)
        new = self.free_fd()
        local = (self._own_address(peer), server.port)
        self.emit("SOCKET_ACCEPT4_6_X", fd=new, tuple=(peer, local), queuepct=0, queuelen=0, queuemax=128, flags=0)
        kind = FdKind.IPV4_SOCK if ip_address(peer[0]).version == 4 else FdKind.IPV6_SOCK
        self.add_file(
            FdRecord(new, inode("socket", str(self.tid), str(self.scenario.now)), kind, l4proto=server.l4proto)
        )
        self._join(new, peer, local)
        self.accepted.add(new)
        return new

    def send(self, fd: int, data: bytes, *, to: Address | None = None, fail: str | None = None) -> None:
        """``sendto``: on a connection, or ``to`` an address."""
        remote = to or self._remote(fd)
        local = self._local(fd, remote)
        self.emit(
            "SOCKET_SENDTO_X",
            res=self.outcome(fail, len(data)),
            data=data[:80],
            fd=fd,
            size=len(data),
            tuple=(local, remote),
        )

    def receive(self, fd: int, data: bytes, *, sender: Address | None = None, fail: str | None = None) -> None:
        """``recvfrom``: on a connection, or from ``sender``."""
        remote = sender or self._remote(fd)
        local = self._local(fd, remote)
        self.emit(
            "SOCKET_RECVFROM_X",
            res=self.outcome(fail, len(data)),
            data=data[:80],
            tuple=(remote, local),
            fd=fd,
            size=max(len(data), 4096),
        )

    def _own_address(self, other: Address) -> str:
        version = ip_address(other[0]).version
        if ip_address(other[0]).is_loopback:
            return other[0]
        return self.address if version == 4 else "2001:db8::5"

    def _join(self, fd: int, source: Address, destination: Address) -> None:
        record = self.file(fd)
        record.sip, record.sport = ip_address(source[0]).packed, source[1]
        record.dip, record.dport = ip_address(destination[0]).packed, destination[1]

    def _remote(self, fd: int) -> Address:
        record = self.file(fd)
        if not record.dip:
            raise ValueError(f"descriptor {fd} of {self!r} is not connected: say where the data goes")
        if fd in self.accepted:
            return str(ip_address(record.sip)), record.sport
        return str(ip_address(record.dip)), record.dport

    def _local(self, fd: int, remote: Address) -> Address:
        record = self.file(fd)
        ends = [(packed, port) for packed, port in ((record.sip, record.sport), (record.dip, record.dport)) if packed]
        for packed, port in ends:
            if (str(ip_address(packed)), port) != remote:
                return str(ip_address(packed)), port
        return self._own_address(remote), record.port or 40000


def _domain(address: Address) -> str:
    return "AF_INET" if ip_address(address[0]).version == 4 else "AF_INET6"
