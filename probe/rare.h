/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 *
 * Parameters that only a few calls have: options of sockets, keys, quotas, semaphores, polled descriptors.
 */
#ifndef PROBE_RARE_H
#define PROBE_RARE_H

#include "message.h"
#include "names.h"

#define SECOND 1000000000ull
#define SOL_SOCKET 1
#define SOL_TCP 6
#define MOST_POLLED 16
#define MOST_OPTION 4096

/* Nanoseconds of the timespec at ``from``. */
static __always_inline u64 span_at(u64 from, u32 layout)
{
	struct {
		s64 seconds, ns;
	} span = {};
	if (layout == NARROW) {
		s32 narrow[2] = {};
		bpf_probe_read_user(narrow, 8, (void *)from);
		span.seconds = narrow[0];
		span.ns = narrow[1];
	} else {
		bpf_probe_read_user(&span, 16, (void *)from);
	}
	return span.seconds * SECOND + span.ns;
}

/* A limit at ``from``, two parameters; all ones where it is not asked for. */
__noinline int put_limits(u64 from, u32 asked, u32 layout)
{
	struct room *room = room_here();
	if (!room)
		return 0;
	put_u64(room, asked ? word_at(from, 0, layout) : ~0ull);
	put_u64(room, asked ? word_at(from, 1, layout) : ~0ull);
	return 0;
}

/* Polled descriptors with what happened to them. */
__noinline int put_polled(u64 from, u32 count, u32 table)
{
	struct room *room = room_here();
	if (!room)
		return 0;
	struct {
		s32 fd;
		u16 asked, happened;
	} *polled = (void *)room->name;
	if (count > MOST_POLLED)
		count = MOST_POLLED;
	u32 bytes = count * 8;
	asm volatile("%0 &= 0xff" : "+r"(bytes));
	if (!bytes || bpf_probe_read_user(polled, bytes, (void *)from))
		count = 0;
	open_param(room);
	part_u16(room, count);
	for (u32 k = 0; k < MOST_POLLED && k < count; k++) {
		part_u64(room, (s64)polled[k].fd);
		part_u16(room, bits_of(polled[k].happened, table));
	}
	close_param(room);
	return 0;
}

/* Options of the socket level whose value is a number of 4 bytes, one bit each. */
#define NUMBER_OPTIONS 0x3ffffebcddfeeull

/* A socket option: level, name, value, length. */
__noinline int put_option(u32 length, u32 table, u32 layout)
{
	struct room *room = room_here();
	if (!room)
		return 0;
	u32 level = room->args[1], name = room->args[2];
	u64 at = room->args[3];
	put_u8(room, level == SOL_SOCKET ? 1 : level == SOL_TCP ? 2 : 0);
	put_u8(room, level == SOL_SOCKET ? value_of(name, table) : 0);
	u64 value = 0;
	open_param(room);
	if (level == SOL_SOCKET && name == 4) { /* the error of the socket */
		bpf_probe_read_user(&value, 4, (void *)at);
		part_u8(room, 1);
		part_u64(room, -(s64)(s32)value);
	} else if (level == SOL_SOCKET && name < 50 && NUMBER_OPTIONS >> name & 1) {
		bpf_probe_read_user(&value, 4, (void *)at);
		part_u8(room, 2);
		part_u32(room, value);
	} else if (level == SOL_SOCKET && name == 57) { /* its cookie */
		bpf_probe_read_user(&value, 8, (void *)at);
		part_u8(room, 3);
		part_u64(room, value);
	} else if (level == SOL_SOCKET && (name == 20 || name == 21 || name == 66 || name == 67)) { /* timeouts */
		bool narrow = layout && name < 60;
		s64 seconds = narrow ? (s32)word_at(at, 0, NARROW) : word_at(at, 0, WIDE);
		s64 micros = narrow ? (s32)word_at(at, 1, NARROW) : word_at(at, 1, WIDE);
		part_u8(room, 4);
		part_u64(room, seconds * SECOND + micros * 1000);
	} else {
		part_u8(room, 0);
		part_bytes(room, at, length > MOST_OPTION ? MOST_OPTION : length);
	}
	close_param(room);
	put_u32(room, length);
	return 0;
}

/* The first two operations on semaphores, 3 parameters each. */
__noinline int put_operations(u64 from, u32 count, u32 table)
{
	struct room *room = room_here();
	if (!room)
		return 0;
	u16 operations[6] = {};
	if (room->ret == 0 && count == 1)
		bpf_probe_read_user(operations, 6, (void *)from);
	else if (room->ret == 0 && count > 1)
		bpf_probe_read_user(operations, 12, (void *)from);
	for (u32 k = 0; k < 2; k++) {
		put_u16(room, operations[3 * k]);
		put_u16(room, operations[3 * k + 1]);
		put_u16(room, bits_of(operations[3 * k + 2], table));
	}
	return 0;
}

/* Arguments 2 to 5 of keyctl, numbers or texts as table ``table`` says of the operation. */
__noinline int put_keys(u32 operation, u32 table)
{
	struct room *room = room_here();
	if (!room)
		return 0;
	u32 kinds = value_of(operation, table);
	for (u32 k = 1; k < 5; k++) {
		u64 value = kinds >> k - 1 & 1 ? room->args[k] : 0;
		open_param(room);
		if (kinds >> k + 3 & 1) {
			part_u8(room, 1);
			u32 at = room->at & REACH;
			long got = value ? bpf_probe_read_user_str(room->block + at, 4096, (void *)value) : 0;
			room->at = at + (got < 0 ? 0 : got & 0x1fff);
		} else {
			part_u8(room, 0);
			part_u64(room, value);
		}
		close_param(room);
	}
	return 0;
}

/* The value that fsconfig sets: bytes or a text, two parameters. */
__noinline int put_setting(u32 command, u64 value, u32 length)
{
	struct room *room = room_here();
	if (!room)
		return 0;
	bool works = room->ret >= 0;
	if (works && command == 2)
		put_bytes(room, value, length > MOST_OPTION ? MOST_OPTION : length);
	else
		done(room, 0);
	if (works && (command == 1 || command == 3 || command == 4))
		put_text(room, value, 4096);
	else
		done(room, 0);
	return 0;
}

/* What quotactl asks about and says, parameters 3 to 18. */
__noinline int put_quota(u32 call, u32 commands, u32 formats)
{
	struct room *room = room_here();
	if (!room)
		return 0;
	enum { ON = 1, FORMAT = 4, INFO = 8 | 16, QUOTA = 32 | 64, OF_ONE = 32 | 64 | 1024 | 2048, UNUSED = 1 };
	u32 command = value_of(call >> 8, commands), type = call & 0xff, id = room->args[2], format = 0;
	u64 at = room->args[3];
	struct { /* as in linux/quota.h */
		u64 hard, soft, space, inode_hard, inode_soft, inodes, time, inode_time;
		u32 valid, padding;
	} quota = {};
	struct {
		u64 grace, inode_grace;
		u32 flags, valid;
	} info = {};
	if (command & ON)
		put_text(room, at, 4096);
	else
		done(room, 0);
	if (command & QUOTA)
		bpf_probe_read_user(&quota, sizeof(quota), (void *)at);
	if (command & INFO)
		bpf_probe_read_user(&info, sizeof(info), (void *)at);
	if (command & FORMAT)
		bpf_probe_read_user(&format, 4, (void *)at);
	put_u64(room, quota.valid & 1 ? quota.hard : 0);
	put_u64(room, quota.valid & 1 ? quota.soft : 0);
	put_u64(room, quota.valid & 2 ? quota.space : 0);
	put_u64(room, quota.valid & 4 ? quota.inode_hard : 0);
	put_u64(room, quota.valid & 4 ? quota.inode_soft : 0);
	put_u64(room, quota.valid & 16 ? quota.time : 0);
	put_u64(room, quota.valid & 32 ? quota.inode_time : 0);
	put_u64(room, info.valid & 1 ? info.grace : 0);
	put_u64(room, info.valid & 2 ? info.inode_grace : 0);
	put_u8(room, info.valid & 4 ? info.flags : 0);
	put_u8(room, command & FORMAT ? value_of(format, formats) : UNUSED);
	put_u16(room, command);
	put_u8(room, type == 0 ? 1 : type == 1 ? 2 : 0);
	put_u32(room, command & OF_ONE ? id : 0);
	put_u8(room, command & ON ? value_of(id, formats) : UNUSED);
	return 0;
}

#endif
