/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 *
 * Where events are put together and how they leave: control block, one ring and one room per CPU.
 *
 * An event is a block of a capture file as it leaves, so that nothing has to be moved or converted afterwards:
 * type 0x216, length, cpu, time, thread, length of the event, its number, number of parameters, their lengths (2 bytes
 * each), their bytes, padding, length again. A block is built 6 bytes into its room, which aligns time and thread.
 */
#ifndef PROBE_ROOM_H
#define PROBE_ROOM_H

#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#define CALLS 512 /* system calls the tables have room for */
#define CPUS 512
#define AHEAD 6
#define AT_TIME (AHEAD + 10)
#define AT_LENGTHS (AHEAD + 36)
#define MOST_PARAMS 32
#define PART 0x8000 /* a parameter's bytes are fewer, as a rule */
#define REACH 0xffff
#define MOST_BLOCK 0xff00 /* bytes of a block without wide lengths */
#define WAKE_BYTES (1 << 20) /* a quarter of a ring: as a rule the reader comes by itself before */

/* What is done with a call. FAST calls have code of their own, the others a recipe. Without TRACED the number means a
 * call that is wanted only in 32-bit programs. */
enum interest {
	TRACED = 1, FAILURES_TOO = 2, URGENT = 4,
	BY_NAME = 8, /* opens: only of names that filters.h lets pass */
	FAST = 48, FAST_CLOSE = 16, FAST_OPEN = 32, FAST_OPENAT = 48,
	CAPPED = 64,
	OF_PROCESSES = 128, /* what processes are known from: never left out for whose it is */
};

struct counters { /* a cache line for each CPU */
	u64 events;
	u64 full;    /* the ring had no room */
	u64 long_;   /* longer than a block may be */
	u64 foreign; /* 32-bit system calls, not followed */
	u64 failures, names, groups, capped; /* left out by filters.h */
};

/* Shared with the reader, who maps it. */
struct control {
	u64 offset;  /* ns from the boot clock to the epoch */
	u32 own;     /* process not to be traced */
	u32 parked;  /* the reader sleeps */
	u32 urgent;  /* something came that should not wait */
	u32 snaplen; /* bytes of data of a read or write */
	u32 args_limit, env_limit;
	u64 lost; /* changes whenever a CPU lost an event: only then are their counters looked at */
	u64 rest[3];
	u8 interest[CALLS];
	struct counters counters[CPUS];
};
struct control control SEC(".data.control");

struct ring {
	__uint(type, MAP_RING);
	__uint(max_entries, 4096);
};
struct {
	__uint(type, MAP_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, u32);
	__array(values, struct ring);
} rings SEC(".maps");

struct room {
	u32 at;     /* where the next byte goes */
	u32 params; /* so far */
	u32 start;  /* of the parameter at hand, when it has several parts */
	u32 cpu;
	u64 args[6];
	s64 ret;
	/* a walk up directories */
	u64 dentry, mount, mount_end, root_dentry, root_mount, node;
	u64 held_group; /* whose path ``path`` holds */
	u32 back;
	char name[264];
	char path[4096 + 512]; /* filled from byte 4096 down */
	u8 block[0x20000 + 512];
};
struct {
	__uint(type, MAP_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct room);
} rooms SEC(".maps");

static __always_inline struct room *room_here(void)
{
	u32 cpu = bpf_get_smp_processor_id();
	struct room *room = bpf_map_lookup_elem(&rooms, &cpu);
	if (room)
		room->cpu = cpu;
	return room;
}

static __always_inline void begin(struct room *room, u32 params)
{
	room->params = 0;
	room->at = AT_LENGTHS + 2 * params;
}

/* Note the length of the parameter whose bytes were put. */
static __always_inline void done(struct room *room, u32 length)
{
	u32 k = room->params;
	if (k < MOST_PARAMS) {
		*(u16 *)(room->block + AT_LENGTHS + 2 * k) = length;
		room->params = k + 1;
	}
}

static __always_inline void put_u64(struct room *room, u64 value)
{
	u32 at = room->at & REACH;
	*(u64 *)(room->block + at) = value;
	room->at = at + 8;
	done(room, 8);
}
static __always_inline void put_u32(struct room *room, u32 value)
{
	u32 at = room->at & REACH;
	*(u32 *)(room->block + at) = value;
	room->at = at + 4;
	done(room, 4);
}
static __always_inline void put_u16(struct room *room, u16 value)
{
	u32 at = room->at & REACH;
	*(u16 *)(room->block + at) = value;
	room->at = at + 2;
	done(room, 2);
}
static __always_inline void put_u8(struct room *room, u8 value)
{
	u32 at = room->at & REACH;
	room->block[at] = value;
	room->at = at + 1;
	done(room, 1);
}

/* Parts of a parameter: open_param(), then any of these, then close_param(). */
static __always_inline void open_param(struct room *room)
{
	room->start = room->at;
}
static __always_inline void close_param(struct room *room)
{
	done(room, room->at - room->start);
}
static __always_inline void part_u8(struct room *room, u8 value)
{
	u32 at = room->at & REACH;
	room->block[at] = value;
	room->at = at + 1;
}
static __always_inline void part_u16(struct room *room, u16 value)
{
	u32 at = room->at & REACH;
	*(u16 *)(room->block + at) = value;
	room->at = at + 2;
}
static __always_inline void part_u32(struct room *room, u32 value)
{
	u32 at = room->at & REACH;
	*(u32 *)(room->block + at) = value;
	room->at = at + 4;
}
static __always_inline void part_u64(struct room *room, u64 value)
{
	u32 at = room->at & REACH;
	*(u64 *)(room->block + at) = value;
	room->at = at + 8;
}

/* Text of the traced process, with its NUL byte; a text that cannot be read makes an empty parameter. */
static __always_inline u32 put_text(struct room *room, u64 from, u32 most)
{
	u32 at = room->at & REACH;
	long got = from ? bpf_probe_read_user_str(room->block + at, most, (void *)from) : 0;
	u32 length = got < 0 ? 0 : got & (PART - 1);
	room->at = at + length;
	done(room, length);
	return length;
}
static __always_inline u32 put_kernel_text(struct room *room, const void *from, u32 most)
{
	u32 at = room->at & REACH;
	long got = from ? bpf_probe_read_kernel_str(room->block + at, most, from) : 0;
	u32 length = got < 0 ? 0 : got & (PART - 1);
	room->at = at + length;
	done(room, length);
	return length;
}
/* Bytes of the traced process. */
static __always_inline u32 put_bytes(struct room *room, u64 from, u32 length)
{
	u32 at = room->at & REACH;
	asm volatile("%0 &= 0x7fff" : "+r"(length)); /* in sight of the verifier, out of reach of the optimiser */
	if (!from || !length || bpf_probe_read_user(room->block + at, length, (void *)from))
		length = 0;
	length &= PART - 1;
	room->at = at + length;
	done(room, length);
	return length;
}

static __always_inline struct counters *counters_of(u32 cpu)
{
	return &control.counters[cpu & (CPUS - 1)];
}

static __always_inline u64 wake_flags(void *ring, bool urgent)
{
	if (!control.parked)
		return BPF_RB_NO_WAKEUP;
	if (urgent || bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA) >= WAKE_BYTES)
		return BPF_RB_FORCE_WAKEUP;
	return BPF_RB_NO_WAKEUP;
}

/* Write the header of the block of ``total`` bytes at ``block``; the event in it is ``length`` bytes long. */
static __always_inline void head(u8 *block, u32 total, u32 cpu, u64 tid, u32 length, u32 type, u32 params)
{
	*(u32 *)block = 0x216;
	*(u32 *)(block + 4) = total;
	*(u16 *)(block + 8) = cpu;
	*(u64 *)(block + 18) = tid;
	*(u32 *)(block + 26) = length;
	*(u16 *)(block + 30) = type;
	*(u16 *)(block + 32) = params;
	*(u16 *)(block + 34) = 0;
	*(u64 *)(block + 10) = bpf_ktime_get_boot_ns() + control.offset; /* last: order on the way out is that of times */
}

/* Send off the event in the room. */
static __always_inline void leave(struct room *room, u32 type, u64 tid, bool urgent)
{
	u32 cpu = room->cpu;
	struct counters *counters = counters_of(cpu);
	void *ring = bpf_map_lookup_elem(&rings, &cpu);
	if (!ring)
		return;
	u32 end = room->at;
	u32 length = end - AT_TIME;
	u32 total = (end - AHEAD + 3 & ~3) + 4;
	if (end > MOST_BLOCK || total > MOST_BLOCK) {
		counters->long_++;
		control.lost++;
		return;
	}
	u32 trailer = total - 4 + AHEAD & REACH;
	*(u32 *)(room->block + trailer) = total;
	head(room->block + AHEAD, total, cpu, tid, length, type, room->params);
	asm volatile("%0 &= 0xffff" : "+r"(total));
	if (bpf_ringbuf_output(ring, room->block + AHEAD, total, wake_flags(ring, urgent))) {
		counters->full++;
		control.lost++;
		return;
	}
	counters->events++;
	if (urgent)
		control.urgent = 1;
}

#endif
