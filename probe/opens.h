/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 *
 * Opening and closing files: what a host does most, written out with every place a constant.
 */
#ifndef PROBE_OPENS_H
#define PROBE_OPENS_H

#include "filters.h"

#define EVENT_OPEN 3
#define EVENT_CLOSE 5
#define EVENT_OPENAT 307
#define CLOSE_BYTES 60
#define MOST_PATH 4096

static __always_inline void ring_full(struct counters *counters)
{
	counters->full++;
	control.lost++;
}

static __always_inline int send_close(struct task_struct *task, s64 ret, s64 fd)
{
	u32 cpu = bpf_get_smp_processor_id();
	struct counters *counters = counters_of(cpu);
	void *ring = bpf_map_lookup_elem(&rings, &cpu);
	if (!ring)
		return 0;
	u8 *block = bpf_ringbuf_reserve(ring, CLOSE_BYTES, 0);
	if (!block) {
		ring_full(counters);
		return 0;
	}
	*(u32 *)(block + 36) = 8 | 8 << 16;
	*(u64 *)(block + 40) = ret;
	*(u64 *)(block + 48) = fd;
	*(u32 *)(block + 56) = CLOSE_BYTES;
	head(block, CLOSE_BYTES, cpu, task->pid, CLOSE_BYTES - 14, EVENT_CLOSE, 2);
	bpf_ringbuf_submit(block, wake_flags(ring, false));
	counters->events++;
	return 0;
}

static __always_inline int send_open(struct task_struct *task, s64 ret, u32 interest, s64 dirfd, u64 from, u32 flags,
				     u64 mode)
{
	struct room *room = room_here();
	if (!room)
		return 0;
	bool at = (interest & FAST) == FAST_OPENAT;
	u32 cpu = room->cpu;
	void *ring = bpf_map_lookup_elem(&rings, &cpu);
	if (!ring)
		return 0;
	struct counters *counters = counters_of(cpu);
	u8 *block = room->block;
	/* what was returned comes before the name, and with openat the directory */
	const u32 name = AT_LENGTHS + (at ? 30 : 20);
	long got = bpf_probe_read_user_str(block + name, MOST_PATH, (void *)from);
	u32 length = got < 0 ? 0 : got & 0x1fff;
	struct file *file = ret >= 0 ? file_in(task, ret) : NULL;
	if (interest & BY_NAME && !may_matter(block + name, length, flags) && !(file && is_directory(file))) {
		counters->names++;
		return 0;
	}
	struct about about = {};
	look_at(file, &about);
	if (at) {
		*(u64 *)(block + AT_LENGTHS) = 8 | 8 << 16 | (u64)length << 32 | 4ull << 48;
		*(u32 *)(block + AT_LENGTHS + 8) = 4 | 4 << 16;
		*(u16 *)(block + AT_LENGTHS + 12) = 8;
		*(u64 *)(block + AT_LENGTHS + 14) = ret;
		*(u64 *)(block + AT_LENGTHS + 22) = dirfd;
	} else {
		*(u64 *)(block + AT_LENGTHS) = 8 | (u64)length << 16 | 4ull << 32 | 4ull << 48;
		*(u32 *)(block + AT_LENGTHS + 8) = 4 | 8 << 16;
		*(u64 *)(block + AT_LENGTHS + 12) = ret;
	}
	u8 *rest = block + name + length;
	*(u32 *)rest = open_flags(flags) | found_flags(&about);
	*(u32 *)(rest + 4) = open_mode(flags, mode);
	*(u32 *)(rest + 8) = about.dev;
	*(u64 *)(rest + 12) = about.ino;
	u32 end = name - AHEAD + length + 20; /* of the parameters, in the block */
	u32 padded = end + 3 & 0xfffc;
	*(u32 *)(block + AHEAD + padded) = padded + 4;
	head(block + AHEAD, padded + 4, cpu, task->pid, end - (AT_TIME - AHEAD), at ? EVENT_OPENAT : EVENT_OPEN, at ? 7 : 6);
	if (bpf_ringbuf_output(ring, block + AHEAD, padded + 4, wake_flags(ring, interest & URGENT))) {
		ring_full(counters);
		return 0;
	}
	counters->events++;
	return 0;
}

#endif
