/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 *
 * Paths of files and of control groups, put together from the last name to the first.
 */
#ifndef PROBE_PATH_H
#define PROBE_PATH_H

#include "room.h"

#define PATH_END 4096
#define MOST_NAMES 128

static __always_inline void prepend(struct room *room, const void *name, u32 length)
{
	asm volatile("%0 &= 0xff" : "+r"(length));
	u32 back = room->back - length & 0xfff;
	if (room->back < length + 1) /* full: what is there is the end of the path */
		return;
	bpf_probe_read_kernel(room->path + back, length, name);
	back = back - 1 & 0xfff;
	room->path[back] = '/';
	room->back = back;
}

static long one_name(u32 i, void *context)
{
	struct room *room = room_here();
	if (!room)
		return 1;
	struct dentry *dentry = (void *)room->dentry;
	struct mount *mount = (void *)room->mount;
	if (room->dentry == room->root_dentry && (u64)&mount->mnt == room->root_mount)
		return 1;
	struct dentry *top = BPF_CORE_READ(mount, mnt.mnt_root);
	struct dentry *parent = BPF_CORE_READ(dentry, d_parent);
	if (dentry == top) {
		struct mount *over = BPF_CORE_READ(mount, mnt_parent);
		if (over == mount || !over)
			return 1;
		room->dentry = (u64)BPF_CORE_READ(mount, mnt_mountpoint);
		room->mount = (u64)over;
		return 0;
	}
	if (dentry == parent || !parent)
		return 1;
	struct qstr name = BPF_CORE_READ(dentry, d_name);
	prepend(room, name.name, name.len);
	room->dentry = (u64)parent;
	return 0;
}

/* Write the path at ``path``, as the current process sees it, as a text with its NUL byte into the room.
 * Files without a directory, such as those of memfd_create, have but a name. */
static __always_inline u32 put_path(struct room *room, struct path *path, struct task_struct *task)
{
	struct dentry *dentry = BPF_CORE_READ(path, dentry);
	struct vfsmount *mount = BPF_CORE_READ(path, mnt);
	if (!dentry || !mount) {
		done(room, 0);
		return 0;
	}
	room->dentry = (u64)dentry;
	room->mount = (u64)mount - bpf_core_field_offset(struct mount, mnt);
	room->root_dentry = (u64)BPF_CORE_READ(task, fs, root.dentry);
	room->root_mount = (u64)BPF_CORE_READ(task, fs, root.mnt);
	room->back = PATH_END - 1;
	room->path[PATH_END - 1] = 0;
	bpf_loop(MOST_NAMES, one_name, NULL, 0);
	u32 at = room->at & REACH;
	u32 back = room->back & 0xfff;
	if (back == PATH_END - 1) {
		struct dentry *parent = BPF_CORE_READ(dentry, d_parent);
		if (parent == dentry && BPF_CORE_READ(mount, mnt_root) != dentry) {
			const u8 *name = BPF_CORE_READ(dentry, d_name.name);
			return put_kernel_text(room, name, 256);
		}
		back = PATH_END - 2;
		room->path[back] = '/';
	}
	u32 length = PATH_END - back;
	asm volatile("%0 &= 0x1fff" : "+r"(length));
	if (length > PATH_END)
		length = PATH_END;
	bpf_probe_read_kernel(room->block + at, length, room->path + back);
	room->at = at + length;
	done(room, length);
	return length;
}

static long one_group(u32 i, void *context)
{
	struct room *room = room_here();
	if (!room)
		return 1;
	struct kernfs_node *node = (void *)room->node;
	struct kernfs_node *parent;
	if (bpf_core_field_exists(node->parent))
		parent = BPF_CORE_READ(node, parent);
	else
		parent = BPF_CORE_READ((struct kernfs_node___renamed *)node, __parent);
	if (!parent)
		return 1;
	long got = bpf_probe_read_kernel_str(room->name, 256, BPF_CORE_READ(node, name));
	if (got > 1)
		prepend(room, room->name, got - 1);
	room->node = (u64)parent;
	return 0;
}

/* Append "name=/path" and a NUL byte to the parameter at hand; ``name`` holds up to 8 characters. In the unified
 * hierarchy a group without the controller stands under its nearest ancestor that has it: there the group itself is
 * what counts. */
static __always_inline void part_group(struct room *room, struct css_set *set, u32 subsystem, u64 name, u32 length)
{
	struct cgroup *group = BPF_CORE_READ(set, subsys[subsystem], cgroup);
	struct cgroup *unified = BPF_CORE_READ(set, dfl_cgrp);
	if (!group)
		return;
	if (unified && BPF_CORE_READ(group, root) == BPF_CORE_READ(unified, root))
		group = unified;
	u32 at = room->at & REACH;
	*(u64 *)(room->block + at) = name;
	at = at + length & REACH;
	if ((u64)group != room->held_group) {
		room->held_group = (u64)group;
		room->node = (u64)BPF_CORE_READ(group, kn);
		room->back = PATH_END - 1;
		room->path[PATH_END - 1] = 0;
		bpf_loop(MOST_NAMES, one_group, NULL, 0);
		if (room->back == PATH_END - 1) {
			room->path[PATH_END - 2] = '/';
			room->back = PATH_END - 2;
		}
	}
	u32 back = room->back & 0xfff;
	u32 size = PATH_END - back;
	asm volatile("%0 &= 0x1fff" : "+r"(size));
	if (size > PATH_END)
		size = PATH_END;
	bpf_probe_read_kernel(room->block + at, size, room->path + back);
	room->at = at + size;
}

static __noinline int put_groups(struct task_struct *task)
{
	struct room *room = room_here();
	if (!room || !task)
		return 0;
	struct css_set *set = BPF_CORE_READ(task, cgroups);
	room->held_group = 0;
	open_param(room);
#define GROUP(id, name, length) \
	if (bpf_core_enum_value_exists(enum cgroup_subsys_id, id)) \
		part_group(room, set, bpf_core_enum_value(enum cgroup_subsys_id, id), name, length)
	GROUP(cpuset_cgrp_id, 0x3d746573757063ull, 7); /* cpuset= and so on, the first character last */
	GROUP(cpu_cgrp_id, 0x3d757063ull, 4);
	GROUP(cpuacct_cgrp_id, 0x3d74636361757063ull, 8);
	GROUP(io_cgrp_id, 0x3d6f69ull, 3);
	GROUP(memory_cgrp_id, 0x3d79726f6d656dull, 7);
	close_param(room);
	return 0;
}

#endif
