/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 *
 * Sockets: the address a call names, and both ends of a connection as the kernel knows them.
 */
#ifndef PROBE_SOCKET_H
#define PROBE_SOCKET_H

#include "file.h"

#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define S_IFSOCK 0140000

static __always_inline struct sock *sock_of(s64 fd)
{
	struct file *file = file_of(fd);
	if (!file || (BPF_CORE_READ(file, f_inode, i_mode) & 0170000) != S_IFSOCK)
		return NULL;
	struct socket *socket = BPF_CORE_READ(file, private_data);
	/* a socket knows its file: sockets in the file system do not */
	return socket && BPF_CORE_READ(socket, file) == file ? BPF_CORE_READ(socket, sk) : NULL;
}

static __always_inline u16 swapped(u16 value)
{
	return value >> 8 | value << 8;
}

/* Family, address, port or path, of the sockaddr of ``length`` bytes at ``from`` in the traced process. */
static __always_inline void put_address(struct room *room, u64 from, u32 length)
{
	u8 *raw = (u8 *)room->name;
	__builtin_memset(raw, 0, 136);
	if (length > 128)
		length = 128;
	asm volatile("%0 &= 0xff" : "+r"(length));
	if (!from || length < 2 || bpf_probe_read_user(raw, length, (void *)from)) {
		done(room, 0);
		return;
	}
	u16 family = *(u16 *)raw;
	open_param(room);
	if (family == AF_INET) {
		part_u8(room, family);
		part_u32(room, *(u32 *)(raw + 4));
		part_u16(room, swapped(*(u16 *)(raw + 2)));
	} else if (family == AF_INET6) {
		part_u8(room, family);
		part_u64(room, *(u64 *)(raw + 8));
		part_u64(room, *(u64 *)(raw + 16));
		part_u16(room, swapped(*(u16 *)(raw + 2)));
	} else if (family == AF_UNIX) {
		part_u8(room, family);
		const char *path = room->name + (raw[2] ? 2 : 3); /* an abstract one starts with a NUL */
		u32 at = room->at & REACH;
		long got = bpf_probe_read_kernel_str(room->block + at, 109, path);
		room->at = at + (got < 0 ? 0 : got & 0x7f);
	}
	close_param(room);
}

static __always_inline void part_ends4(struct room *room, u32 a, u16 port_a, u32 b, u16 port_b)
{
	part_u32(room, a);
	part_u16(room, swapped(port_a));
	part_u32(room, b);
	part_u16(room, swapped(port_b));
}

struct end6 {
	u64 high, low;
};
static __always_inline void part_end6(struct room *room, struct end6 *end, u16 port)
{
	part_u64(room, end->high);
	part_u64(room, end->low);
	part_u16(room, swapped(port));
}

/* Put the path a unix socket is bound to, or its abstract name, with a NUL byte at ``to``, which has room for 110 bytes;
 * return the length with it, 0 where there is none. */
static __always_inline u32 unix_path(char *to, struct unix_sock *of)
{
	struct unix_address *address = of ? BPF_CORE_READ(of, addr) : NULL;
	if (!address)
		return 0;
	u32 length = BPF_CORE_READ(address, len) - 2; /* without the family; abstract names have no NUL byte at the end */
	if (length > 108)
		return 0;
	const char *path = (const char *)address + bpf_core_field_offset(struct unix_address, name) + 2;
	char first = 0;
	bpf_probe_read_kernel(&first, 1, path);
	if (!first) {
		path++;
		length--;
	}
	asm volatile("%0 &= 0x7f" : "+r"(length));
	if (!length || length > 108 || bpf_probe_read_kernel(to, length, path))
		return 0;
	to[length] = 0;
	return first ? length : length + 1; /* that of a path is counted in its length */
}

/* Both ends of the connection of ``fd``, the near one first unless ``inbound``. ``named`` is the address given to
 * the call: it counts where the socket is not connected. */
static __noinline int put_tuple(s64 fd, u64 named, u32 inbound)
{
	struct room *room = room_here();
	if (!room)
		return 0;
	struct sock *sk = sock_of(fd);
	u16 family = sk ? BPF_CORE_READ(sk, __sk_common.skc_family) : 0;
	open_param(room);
	u8 *raw = (u8 *)room->name;
	__builtin_memset(raw, 0, 136);
	if (family == AF_INET) {
		struct inet_sock *inet = (void *)sk;
		u32 near = BPF_CORE_READ(inet, inet_saddr), far = BPF_CORE_READ(sk, __sk_common.skc_daddr);
		u16 near_port = BPF_CORE_READ(inet, inet_sport), far_port = BPF_CORE_READ(sk, __sk_common.skc_dport);
		if (!far_port && named && !bpf_probe_read_user(raw, 16, (void *)named)) {
			far = *(u32 *)(raw + 4);
			far_port = *(u16 *)(raw + 2);
		}
		part_u8(room, family);
		if (inbound)
			part_ends4(room, far, far_port, near, near_port);
		else
			part_ends4(room, near, near_port, far, far_port);
	} else if (family == AF_INET6) {
		struct inet_sock *inet = (void *)sk;
		struct end6 near = {}, far = {};
		struct ipv6_pinfo *info = BPF_CORE_READ((struct inet_sock___v6 *)sk, pinet6);
		bpf_core_read(&near, 16, &info->saddr);
		bpf_core_read(&far, 16, &sk->__sk_common.skc_v6_daddr);
		u16 near_port = BPF_CORE_READ(inet, inet_sport), far_port = BPF_CORE_READ(sk, __sk_common.skc_dport);
		if (!far_port && named && !bpf_probe_read_user(raw, 28, (void *)named)) {
			far.high = *(u64 *)(raw + 8);
			far.low = *(u64 *)(raw + 16);
			far_port = *(u16 *)(raw + 2);
		}
		part_u8(room, family);
		part_end6(room, inbound ? &far : &near, inbound ? far_port : near_port);
		part_end6(room, inbound ? &near : &far, inbound ? near_port : far_port);
	} else if (family == AF_UNIX) {
		struct unix_sock *own = (void *)sk;
		struct sock *peer = BPF_CORE_READ(own, peer);
		struct unix_sock *bound = inbound ? own : (void *)peer;
		part_u8(room, family);
		part_u64(room, (u64)(inbound ? sk : peer));
		part_u64(room, (u64)(inbound ? peer : sk));
		u32 at = room->at & REACH;
		u32 length = 0;
		if (!inbound && !peer && named) {
			bpf_probe_read_user(raw, 110, (void *)named);
			long got = bpf_probe_read_kernel_str(room->block + at, 109, room->name + (raw[2] ? 2 : 3));
			length = got < 0 ? 0 : got & 0x7f;
		} else {
			length = unix_path((char *)room->block + at, bound) & 0x7f;
			if (!length)
				part_u8(room, 0);
		}
		room->at += length;
	}
	close_param(room);
	return 0;
}

#endif
