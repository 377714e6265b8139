/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 *
 * What is left out before it costs more. The loader fills the tables from the rules and the settings
 * (tiercel.sources.live.filters); everything left out is counted.
 */
#ifndef PROBE_FILTERS_H
#define PROBE_FILTERS_H

#include "file.h"

#define TABLE_BITS 512
#define LEAST_NAME 8 /* shorter names always pass, longer than MOST_NAME too */
#define MOST_NAME 256
#define MOST_ABOVE 12

/* How names that matter begin and end: a bit for each four or eight bytes, found by a hash of them. */
struct names {
	u64 first4[TABLE_BITS / 64], first8[TABLE_BITS / 64];
	u64 last4[TABLE_BITS / 64], last8[TABLE_BITS / 64];
};
struct filters {
	u32 groups; /* how many groups are left out */
	u32 unused[15];
	struct names ways[4]; /* by how a file is opened: to read, to write, both, neither */
	u32 caps[CALLS]; /* calls of one process in about a second */
};
struct filters filters SEC(".data.filters");

/* Control groups that are left out with all below them: number of the hierarchy (0 the unified one, 1 that of memory)
 * << 56 | id. */
struct {
	__uint(type, MAP_HASH);
	__uint(max_entries, 1024);
	__type(key, u64);
	__type(value, u8);
} groups SEC(".maps");

struct rate {
	u32 second, count;
};
struct {
	__uint(type, MAP_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, u64); /* process << 16 | call */
	__type(value, struct rate);
} rates SEC(".maps");

static __always_inline bool has(const u64 *table, u64 bits)
{
	u32 at = bits * 0x9e3779b97f4a7c15ull >> 55;
	return table[at >> 6] >> (at & 63) & 1;
}

/* Whether a rule may be about the opening of the file of this name. Only names that stand for themselves can be told:
 * absolute ones without two of the characters "." and "/" in a row, or one of them at the end. */
static __always_inline bool may_matter(const u8 *name, u32 length, u32 way)
{
	struct names *names = &filters.ways[way & 3];
	length--; /* its NUL byte */
	if (length < LEAST_NAME || length > MOST_NAME || name[0] != '/' || (name[length - 1] & 0xfe) == '.')
		return true;
	u64 first = *(u64 *)name, last = *(u64 *)(name + length - 8);
	if (has(names->first8, first) || has(names->first4, (u32)first) || has(names->last8, last) ||
	    has(names->last4, last >> 32))
		return true;
	u64 before = 0;
	for (u32 at = 0; at < MOST_NAME; at += 8) {
		if (at >= length)
			return false;
		/* bytes that are "." or "/" become 0; the top bits of zero bytes (and maybe of a few more) stay */
		u64 rest = *(u64 *)(name + at) & 0xfefefefefefefefeull ^ 0x2e2e2e2e2e2e2e2eull;
		u64 marks = rest - 0x0101010101010101ull & ~rest & 0x8080808080808080ull;
		if (length - at < 8)
			marks &= (1ull << 8 * (length - at)) - 1; /* what lies behind the name */
		if (marks & (marks << 8 | before >> 56))
			return true;
		before = marks;
	}
	return false;
}

static __always_inline bool below(struct cgroup *group, u64 hierarchy)
{
	for (u32 k = 0; k < MOST_ABOVE && group; k++) {
		u64 key = hierarchy << 56 | BPF_CORE_READ(group, kn, id);
		if (bpf_map_lookup_elem(&groups, &key))
			return true;
		struct cgroup_subsys_state *parent = BPF_CORE_READ(group, self.parent);
		if (!parent)
			return false;
		group = (void *)parent - bpf_core_field_offset(struct cgroup, self);
	}
	return false;
}

/* Whether a thread is in a group that is left out, or below one. */
static __noinline int in_group(struct task_struct *task)
{
	if (!task)
		return 0;
	struct css_set *set = BPF_CORE_READ(task, cgroups);
	if (below(BPF_CORE_READ(set, dfl_cgrp), 0))
		return 1;
	if (!bpf_core_enum_value_exists(enum cgroup_subsys_id, memory_cgrp_id))
		return 0;
	return below(BPF_CORE_READ(set, subsys[bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id)], cgroup), 1);
}

/* Count a call of a process; whether it made too many in this second. */
static __noinline int over_cap(u32 process, u32 call)
{
	u64 key = (u64)process << 16 | call;
	u32 second = bpf_ktime_get_boot_ns() >> 30;
	struct rate *rate = bpf_map_lookup_elem(&rates, &key);
	if (!rate || rate->second != second) {
		struct rate fresh = {second, 1};
		bpf_map_update_elem(&rates, &key, &fresh, 0);
		return 0;
	}
	u32 count = __sync_fetch_and_add(&rate->count, 1);
	return count >= filters.caps[call & (CALLS - 1)];
}

#endif
