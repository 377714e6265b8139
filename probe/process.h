/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 *
 * Processes: how they start, what they execute, how they end.
 */
#ifndef PROBE_PROCESS_H
#define PROBE_PROCESS_H

#include "path.h"

#define EVENT_PROCEXIT 186
#define EVENT_CLONE 223
#define EVENT_FORK 225
#define EVENT_VFORK 227
#define EVENT_EXECVE 293
#define EVENT_EXECVEAT 331
#define EVENT_CLONE3 335

#define CL_FILES (1 << 0)
#define CL_SIGHAND (1 << 11)
#define CL_THREAD (1 << 13)
#define CL_VM (1 << 15)
#define CL_CHILD_IN_PIDNS (1 << 29)

#define PF_EXITING 0x4
#define PF_KTHREAD 0x200000
#define OVERLAY_MAGIC 0x794c7630

enum { EXE_WRITABLE = 1, EXE_UPPER = 2, EXE_MEMFD = 4, EXE_LOWER = 8 };
enum layer { NO_LAYER, UPPER_LAYER, LOWER_LAYER };

static __always_inline struct pid *pid_of(struct task_struct *task, u32 type)
{
	if (type == PIDTYPE_PID)
		return BPF_CORE_READ(task, thread_pid);
	return BPF_CORE_READ(task, signal, pids[type]);
}
static __always_inline s64 id_outside(struct task_struct *task, u32 type)
{
	struct pid *pid = pid_of(task, type);
	return pid ? BPF_CORE_READ(pid, numbers[0].nr) : 0;
}
static __always_inline u32 level_of(struct task_struct *task)
{
	return BPF_CORE_READ(task, thread_pid, level);
}
static __always_inline struct upid innermost(struct pid *pid)
{
	struct upid upid = {};
	u32 level = BPF_CORE_READ(pid, level);
	bpf_core_read(&upid, sizeof(upid), &pid->numbers[level]);
	return upid;
}
/* The id within the pid namespace of the thread itself. */
static __always_inline s64 id_inside(struct task_struct *task, u32 type)
{
	struct pid *pid = pid_of(task, type);
	if (!pid)
		return 0;
	struct upid upid = {};
	u32 level = level_of(task);
	if (level > BPF_CORE_READ(pid, level))
		return 0;
	bpf_core_read(&upid, sizeof(upid), &pid->numbers[level]);
	return upid.nr;
}
static __always_inline u64 namespace_start(struct task_struct *task)
{
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	if (!pid)
		return 0;
	struct upid upid = innermost(pid);
	return BPF_CORE_READ(upid.ns, child_reaper, start_time);
}

/* A macro: the loader can only move accesses whose index is a constant when it stands there. */
#define PAGES(mm, kind) \
	(bpf_core_field_exists(((struct mm_struct___old *)(mm))->rss_stat.count) ? \
		 BPF_CORE_READ((struct mm_struct___old *)(mm), rss_stat.count[kind].counter) : \
		 BPF_CORE_READ(mm, rss_stat[kind].count))
#define KB_OF_PAGES(n) ((n) << 2)

static __always_inline void put_memory(struct room *room, struct mm_struct *mm)
{
	put_u32(room, mm ? KB_OF_PAGES(BPF_CORE_READ(mm, total_vm)) : 0);
	s64 resident = 0, swapped = 0; /* counted for each CPU and added up now and then: a sum can be below 0 */
	if (mm) {
		resident = PAGES(mm, 0) + PAGES(mm, 1) + PAGES(mm, 3);
		swapped = PAGES(mm, 2);
	}
	put_u32(room, resident < 0 ? 0 : KB_OF_PAGES(resident));
	put_u32(room, swapped < 0 ? 0 : KB_OF_PAGES(swapped));
}

/* Arguments or environment as they lie in the memory of the current process; the last byte is a NUL. */
static __always_inline u32 put_list(struct room *room, u64 from, u64 to, u32 most)
{
	u64 length = to > from ? to - from : 0;
	if (length > most)
		length = most;
	length = put_bytes(room, from, length);
	if (length) {
		u32 last = room->at - 1 & REACH;
		room->block[last] = 0;
	}
	return length;
}

/* Parameters 2 to 15 of clone and execve events, about ``task``. */
static __noinline int put_process(struct task_struct *task)
{
	struct room *room = room_here();
	if (!room || !task)
		return 0;
	struct mm_struct *mm = BPF_CORE_READ(task, mm);
	u64 from = mm ? BPF_CORE_READ(mm, arg_start) : 0, to = mm ? BPF_CORE_READ(mm, arg_end) : 0;
	u32 first = put_text(room, from, 4096);
	put_list(room, from + first, to, control.args_limit);
	put_u64(room, BPF_CORE_READ(task, pid));
	put_u64(room, BPF_CORE_READ(task, tgid));
	put_u64(room, BPF_CORE_READ(task, real_parent, tgid));
	done(room, 0); /* the working directory follows from what is known of the parent */
	put_u64(room, BPF_CORE_READ(task, signal, rlim[7].rlim_cur));
	put_u64(room, BPF_CORE_READ(task, maj_flt));
	put_u64(room, BPF_CORE_READ(task, min_flt));
	put_memory(room, mm);
	put_kernel_text(room, &task->comm, 16);
	return 0;
}

/* The parameters after the flags of clone events. */
static __always_inline void put_clone_rest(struct room *room, struct task_struct *task, bool child)
{
	put_u32(room, BPF_CORE_READ(task, cred, euid.val));
	put_u32(room, BPF_CORE_READ(task, cred, egid.val));
	put_u64(room, id_inside(task, PIDTYPE_PID));
	put_u64(room, id_inside(task, PIDTYPE_TGID));
	put_u64(room, child ? namespace_start(task) : 0);
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	if (BPF_CORE_READ(child, flags) & PF_KTHREAD)
		return 0;
	struct room *room = room_here();
	if (!room)
		return 0;
	begin(room, 21);
	put_u64(room, 0);
	put_process(child);
	put_groups(child);
	u32 flags = 0;
	s32 tid = BPF_CORE_READ(child, pid);
	if (tid != BPF_CORE_READ(child, tgid))
		flags |= CL_THREAD | CL_SIGHAND | CL_VM;
	if (BPF_CORE_READ(child, files) == BPF_CORE_READ(parent, files))
		flags |= CL_FILES;
	if (level_of(child))
		flags |= CL_CHILD_IN_PIDNS;
	put_u32(room, flags);
	put_clone_rest(room, child, true);
	leave(room, EVENT_CLONE, tid, false);
	return 0;
}

static __always_inline enum layer layer_of(struct file *file)
{
	struct dentry *dentry = BPF_CORE_READ(file, f_path.dentry);
	if (BPF_CORE_READ(dentry, d_sb, s_magic) != OVERLAY_MAGIC)
		return NO_LAYER;
	/* overlayfs keeps the dentry of the upper layer behind the inode */
	struct dentry *upper = NULL;
	void *inode = BPF_CORE_READ(dentry, d_inode);
	bpf_probe_read_kernel(&upper, sizeof(upper), inode + bpf_core_type_size(struct inode));
	return upper && BPF_CORE_READ(upper, d_inode, i_ino) ? UPPER_LAYER : LOWER_LAYER;
}

static __always_inline u64 inode_time(struct inode *inode, bool change)
{
	s64 seconds, ns;
	if (bpf_core_field_exists(inode->i_ctime_sec)) {
		seconds = change ? BPF_CORE_READ(inode, i_ctime_sec) : BPF_CORE_READ(inode, i_mtime_sec);
		ns = change ? BPF_CORE_READ(inode, i_ctime_nsec) & 0x7fffffff : BPF_CORE_READ(inode, i_mtime_nsec);
	} else {
		struct timespec64 time = {};
		struct inode___old *old = (void *)inode;
		struct inode___between *between = (void *)inode;
		if (change && bpf_core_field_exists(old->i_ctime))
			BPF_CORE_READ_INTO(&time, old, i_ctime);
		else if (change)
			BPF_CORE_READ_INTO(&time, between, __i_ctime);
		else if (bpf_core_field_exists(old->i_mtime))
			BPF_CORE_READ_INTO(&time, old, i_mtime);
		else
			BPF_CORE_READ_INTO(&time, between, __i_mtime);
		seconds = time.tv_sec;
		ns = time.tv_nsec;
	}
	return seconds < 0 ? 0 : seconds * 1000000000ull + ns;
}

static __always_inline bool mapped(struct uid_gid_map *map, u32 id)
{
	u32 extents = BPF_CORE_READ(map, nr_extents);
	for (u32 k = 0; k < 5; k++) {
		struct uid_gid_extent extent = {};
		if (k >= extents)
			break;
		bpf_core_read(&extent, sizeof(extent), &map->extent[k]);
		if (id - extent.lower_first < extent.count)
			return true;
	}
	return extents > 5; /* too many to look at; large maps are wide */
}

static __always_inline bool member(const struct cred *cred, u32 group)
{
	if (BPF_CORE_READ(cred, fsgid.val) == group)
		return true;
	struct group_info *info = BPF_CORE_READ(cred, group_info);
	u32 left = 0, right = BPF_CORE_READ(info, ngroups);
	for (u32 k = 0; k < 16 && left < right; k++) {
		u32 middle = (left + right) / 2, found = 0;
		bpf_core_read(&found, sizeof(found), &info->gid[middle]);
		if (found == group)
			return true;
		if (found < group)
			left = middle + 1;
		else
			right = middle;
	}
	return false;
}

static __always_inline u64 capabilities(const struct cred *cred, u32 which)
{
	u64 set = 0; /* two halves in order or one number: the same bytes */
	const void *at = which == 0 ? (const void *)&cred->cap_inheritable
		       : which == 1 ? (const void *)&cred->cap_permitted : (const void *)&cred->cap_effective;
	bpf_probe_read_kernel(&set, sizeof(set), at);
	return set;
}

/* Whether the program may change the file it was started from: owner, mode bits, or capabilities over it. */
static __always_inline bool may_write(const struct cred *cred, struct inode *inode)
{
	u32 mode = BPF_CORE_READ(inode, i_mode), format = mode & 0170000;
	if (BPF_CORE_READ(inode, i_sb, s_flags) & 1 && (format == 0100000 || format == 0040000 || format == 0120000))
		return false;
	if (BPF_CORE_READ(inode, i_flags) & 8)
		return false;
	u32 uid = BPF_CORE_READ(inode, i_uid.val), gid = BPF_CORE_READ(inode, i_gid.val);
	if (uid == -1u || gid == -1u)
		return false;
	if (BPF_CORE_READ(cred, fsuid.val) == uid)
		return true;
	if (member(cred, gid))
		mode >>= 3;
	if (mode & 2)
		return true;
	struct user_namespace *space = BPF_CORE_READ(cred, user_ns);
	u64 caps = capabilities(cred, 2);
	bool user = mapped(&space->uid_map, uid);
	if (caps & 1 << 3 && user)
		return true;
	return caps & 1 << 1 && user && mapped(&space->gid_map, gid);
}

static __always_inline bool is_memfd(struct file *file)
{
	struct dentry *dentry = BPF_CORE_READ(file, f_path.dentry);
	if (BPF_CORE_READ(dentry, d_parent) != dentry)
		return false;
	char name[8] = {};
	bpf_probe_read_kernel_str(name, 7, BPF_CORE_READ(dentry, d_name.name));
	return *(u64 *)name == 0x3a64666d656dull; /* "memfd:" */
}

static __always_inline u32 terminal(struct task_struct *task)
{
	struct tty_struct *tty = BPF_CORE_READ(task, signal, tty);
	if (!tty)
		return 0;
	u32 major = BPF_CORE_READ(tty, driver, major);
	u32 minor = BPF_CORE_READ(tty, driver, minor_start) + BPF_CORE_READ(tty, index);
	return minor & 0xff | major << 8 | (minor & ~0xff) << 12;
}

static __always_inline u32 login_of(struct task_struct *task)
{
	return bpf_core_field_exists(task->loginuid) ? BPF_CORE_READ(task, loginuid.val) : -1u;
}

static __noinline int put_exe(struct task_struct *task)
{
	struct room *room = room_here();
	if (!room || !task)
		return 0;
	struct file *file = BPF_CORE_READ(task, mm, exe_file);
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	const struct cred *cred = BPF_CORE_READ(task, cred);
	u32 flags = 0;
	if (file && may_write(cred, inode))
		flags |= EXE_WRITABLE;
	if (file) {
		enum layer layer = layer_of(file);
		flags |= layer == UPPER_LAYER ? EXE_UPPER : layer == LOWER_LAYER ? EXE_LOWER : 0;
		if (is_memfd(file))
			flags |= EXE_MEMFD;
	}
	put_u32(room, flags);
	put_u64(room, capabilities(cred, 0));
	put_u64(room, capabilities(cred, 1));
	put_u64(room, capabilities(cred, 2));
	put_u64(room, BPF_CORE_READ(inode, i_ino));
	put_u64(room, inode_time(inode, true));
	put_u64(room, inode_time(inode, false));
	put_u32(room, BPF_CORE_READ(cred, euid.val));
	return 0;
}

static __noinline int put_exe_path(struct task_struct *task)
{
	struct room *room = room_here();
	if (!room || !task)
		return 0;
	struct file *file = BPF_CORE_READ(task, mm, exe_file);
	if (!file) {
		done(room, 0);
		return 0;
	}
	return put_path(room, &file->f_path, task);
}

/* Parameters from the environment on, of execve events. */
static __always_inline void put_executed(struct room *room, struct task_struct *task)
{
	u64 from = BPF_CORE_READ(task, mm, env_start), to = BPF_CORE_READ(task, mm, env_end);
	put_list(room, from, to, control.env_limit);
	put_u32(room, terminal(task));
	put_u64(room, id_inside(task, PIDTYPE_PGID));
	put_u32(room, login_of(task));
	put_exe(task);
	put_exe_path(task);
	put_u64(room, id_outside(task, PIDTYPE_PGID));
	put_u32(room, BPF_CORE_READ(task, cred, egid.val));
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	struct room *room = room_here();
	if (!room || BPF_CORE_READ(task, flags) & PF_KTHREAD)
		return 0;
	begin(room, 31);
	put_u64(room, 0);
	put_process(task);
	put_groups(task);
	put_executed(room, task);
	put_kernel_text(room, BPF_CORE_READ(bprm, filename), 4096);
	leave(room, EVENT_EXECVE, BPF_CORE_READ(task, pid), true);
	return 0;
}

/* A thread of the group of ``task`` that lives on, 0 without one, -1 when there were too many to look at. */
static __always_inline s64 living_thread(struct task_struct *task)
{
	struct signal_struct *signal = BPF_CORE_READ(task, signal);
	struct list_head *head = &signal->thread_head, *next = BPF_CORE_READ(head, next);
	for (u32 k = 0; k < 30; k++) {
		if (next == head)
			return 0;
		struct task_struct *other = (void *)next - bpf_core_field_offset(struct task_struct, thread_node);
		if (!(BPF_CORE_READ(other, flags) & PF_EXITING))
			return BPF_CORE_READ(other, pid);
		next = BPF_CORE_READ(other, thread_node.next);
	}
	return -1;
}

/* Who gets the children of ``task``: another thread of it, else the nearest ancestor that asked for orphans, else the
 * first process of its pid namespace; 0 when nobody does, -1 when it takes too long to find out. */
static __noinline s64 heir(struct task_struct *task)
{
	if (!task)
		return 0;
	s64 thread = living_thread(task);
	if (thread)
		return thread;
	struct upid upid = innermost(BPF_CORE_READ(task, thread_pid));
	struct task_struct *first = BPF_CORE_READ(upid.ns, child_reaper);
	if (first == task)
		return 0;
	s64 init = BPF_CORE_READ(first, pid);
	struct signal_struct *signal = BPF_CORE_READ(task, signal);
	if (!BPF_CORE_READ_BITFIELD_PROBED(signal, has_child_subreaper))
		return init;
	u32 level = level_of(task);
	struct task_struct *other = BPF_CORE_READ(task, real_parent);
	for (u32 k = 0; k < 30; k++) {
		if (level_of(other) != level || other == first)
			return init;
		signal = BPF_CORE_READ(other, signal);
		if (BPF_CORE_READ_BITFIELD_PROBED(signal, is_child_subreaper)) {
			thread = living_thread(other);
			if (thread)
				return thread;
		}
		other = BPF_CORE_READ(other, real_parent);
	}
	return -1;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *task)
{
	struct room *room = room_here();
	if (!room || BPF_CORE_READ(task, flags) & PF_KTHREAD)
		return 0;
	s64 status = BPF_CORE_READ(task, exit_code);
	begin(room, 5);
	put_u64(room, status);
	put_u64(room, status >> 8 & 0xff);
	u8 signal = status & 0x7f;
	put_u8(room, signal == 0x7f ? 0 : signal);
	put_u8(room, (status & 0x80) != 0);
	struct list_head *children = &task->children;
	s64 inherits = 0;
	if (BPF_CORE_READ(children, next) != children)
		inherits = heir(task);
	put_u64(room, inherits);
	leave(room, EVENT_PROCEXIT, BPF_CORE_READ(task, pid), false);
	return 0;
}

#endif
