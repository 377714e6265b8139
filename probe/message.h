/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 *
 * Data in several parts, and messages: what was read or written, its size, and what came along with it.
 */
#ifndef PROBE_MESSAGE_H
#define PROBE_MESSAGE_H

#include "socket.h"

#define EVENT_SENDMMSG 51
#define EVENT_RECVMMSG 55
#define MOST_PARTS 1024 /* the kernel takes no more */
#define FEW_PARTS 8
#define MOST_MESSAGES 128
#define MOST_CONTROL 0x2000

/* How a program lays out its memory: words of 8 bytes, of 4, or of 4 with times of 8 nevertheless. */
enum layout { WIDE, NARROW, NARROW_WIDE_TIMES };

/* Word ``k`` at ``from`` in the memory of the process, 0 where there is nothing. */
static __always_inline u64 word_at(u64 from, u32 k, u32 layout)
{
	u64 word = 0;
	if (layout)
		bpf_probe_read_user(&word, 4, (void *)(from + 4 * (u64)k));
	else
		bpf_probe_read_user(&word, 8, (void *)(from + 8 * (u64)k));
	return word;
}

/* Bytes of the process as a part of the parameter at hand; whether they could be read. */
static __always_inline bool part_bytes(struct room *room, u64 from, u32 length)
{
	u32 at = room->at & REACH;
	asm volatile("%0 &= 0x7fff" : "+r"(length));
	if (!length)
		return true;
	if (!from || bpf_probe_read_user(room->block + at, length, (void *)from))
		return false;
	room->at = at + length;
	return true;
}

struct parts {
	u64 from, size;
	u32 count, most, layout;
};

static long one_part(u32 i, void *context)
{
	struct parts *parts = context;
	struct room *room = room_here();
	if (!room || i >= parts->count)
		return 1;
	u32 held = room->at - room->start;
	if (held >= parts->most)
		return 1;
	u64 length = word_at(parts->from, 2 * i + 1, parts->layout);
	if (length > parts->most - held)
		length = parts->most - held;
	return !part_bytes(room, word_at(parts->from, 2 * i, parts->layout), length);
}

static long one_size(u32 i, void *context)
{
	struct parts *parts = context;
	if (i >= parts->count)
		return 1;
	parts->size += word_at(parts->from, 2 * i + 1, parts->layout);
	return 0;
}

/* Read the array of parts at once where it is short; whether that was done. */
static __always_inline bool few_parts(struct room *room, u64 from, u32 count, u32 layout)
{
	u32 bytes = count * 16;
	asm volatile("%0 &= 0xff" : "+r"(bytes));
	return count <= FEW_PARTS && !layout && !bpf_probe_read_user(room->name, bytes, (void *)from);
}

/* The first ``most`` bytes of the data in ``count`` parts that the array at ``from`` names. */
__noinline int put_parts(u64 from, u32 count, u32 most, u32 layout)
{
	struct room *room = room_here();
	struct parts parts = {.from = from, .count = count, .most = most, .layout = layout};
	if (!room)
		return 0;
	open_param(room);
	if (!most || !from) {
	} else if (few_parts(room, from, count, layout)) {
		u64 *words = (u64 *)room->name;
		for (u32 k = 0; k < FEW_PARTS && k < count; k++) {
			u32 left = most - (room->at - room->start);
			u64 length = words[2 * k + 1];
			if (length > left)
				length = left;
			if (!part_bytes(room, words[2 * k], length) || length == left)
				break;
		}
	} else {
		bpf_loop(MOST_PARTS, one_part, &parts, 0);
	}
	close_param(room);
	return 0;
}

/* How many bytes the parts hold. */
__noinline int put_size(u64 from, u32 count, u32 layout)
{
	struct room *room = room_here();
	struct parts parts = {.from = from, .count = count, .layout = layout};
	if (!room)
		return 0;
	if (!from) {
	} else if (few_parts(room, from, count, layout)) {
		u64 *words = (u64 *)room->name;
		for (u32 k = 0; k < FEW_PARTS && k < count; k++)
			parts.size += words[2 * k + 1];
	} else {
		bpf_loop(MOST_PARTS, one_size, &parts, 0);
	}
	put_u32(room, parts.size);
	return 0;
}

/* What came with the message whose header is at ``header``: descriptors, credentials. */
__noinline int put_control(u64 header, u32 layout)
{
	struct room *room = room_here();
	if (!room)
		return 0;
	u64 from = word_at(header, 4, layout), length = word_at(header, 5, layout);
	if (length > MOST_CONTROL)
		length = MOST_CONTROL;
	put_bytes(room, from, length);
	return 0;
}

struct messages {
	u64 at; /* of the headers */
	s64 fd;
	u32 count, layout, received;
};

/* An event for each message; the caller sends the last one. */
static long one_message(u32 i, void *context)
{
	struct messages *messages = context;
	struct room *room = room_here();
	if (!room || i >= messages->count)
		return 1;
	u32 layout = messages->layout, received = messages->received;
	if (i)
		leave(room, received ? EVENT_RECVMMSG : EVENT_SENDMMSG, (u32)bpf_get_current_pid_tgid(), false);
	u64 at = messages->at + i * (layout ? 32 : 64), name = word_at(at, 0, layout);
	u64 from = word_at(at, 2, layout), count = word_at(at, 3, layout);
	u32 length = 0, most = control.snaplen;
	bpf_probe_read_user(&length, 4, (void *)(at + (layout ? 28 : 56)));
	if (most > length && (length || received))
		most = length;
	begin(room, received ? 6 : 5);
	put_u64(room, length);
	put_u64(room, messages->fd);
	if (received)
		put_u32(room, length);
	else
		put_size(from, count, layout);
	put_parts(from, count, most, layout);
	put_tuple(messages->fd, name, received);
	if (received)
		put_control(at, layout);
	return 0;
}

/* All parameters of sendmmsg and recvmmsg. */
__noinline int put_messages(u32 received, u32 layout)
{
	struct room *room = room_here();
	if (!room)
		return 0;
	s64 ret = room->ret;
	struct messages messages = {.at = room->args[1], .fd = (s32)room->args[0], .layout = layout, .received = received};
	if (ret > 0) {
		messages.count = ret;
		bpf_loop(MOST_MESSAGES, one_message, &messages, 0);
		return 0;
	}
	put_u64(room, ret);
	put_u64(room, messages.fd);
	put_u32(room, 0);
	done(room, 0);
	done(room, 0);
	if (received)
		done(room, 0);
	return 0;
}

#endif
