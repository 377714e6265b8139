/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 *
 * How events call what the kernel calls otherwise: tables the loader fills.
 */
#ifndef PROBE_NAMES_H
#define PROBE_NAMES_H

#include "room.h"

#define BITS_OF 24
struct renaming {
	u32 from[BITS_OF], to[BITS_OF];
};
struct {
	__uint(type, MAP_ARRAY);
	__uint(max_entries, 32);
	__type(key, u32);
	__type(value, struct renaming);
} renamings SEC(".maps");
struct {
	__uint(type, MAP_HASH);
	__uint(max_entries, 2048);
	__type(key, u64);
	__type(value, u32);
} values SEC(".maps");

static __always_inline u32 renamed(u32 flags, u32 table)
{
	struct renaming *renaming = bpf_map_lookup_elem(&renamings, &table);
	u32 out = 0;
	if (!renaming)
		return flags;
	for (u32 k = 0; k < BITS_OF; k++)
		if (flags & renaming->from[k])
			out |= renaming->to[k];
	return out;
}

static __always_inline u32 value_of(u32 value, u32 table)
{
	u64 key = (u64)table << 32 | value;
	u32 *found = bpf_map_lookup_elem(&values, &key);
	if (!found) {
		key |= 0xffffffff;
		found = bpf_map_lookup_elem(&values, &key);
	}
	return found ? *found : value;
}
/* The same as a function, where it is called over and over. */
__noinline u32 bits_of(u32 flags, u32 table)
{
	return renamed(flags, table);
}

#endif
