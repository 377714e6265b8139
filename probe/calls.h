/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 *
 * System calls at their return. What most of them report is written down in tables the loader fills: a recipe for
 * each call, with a step for each parameter. The commonest calls have code of their own.
 */
#ifndef PROBE_CALLS_H
#define PROBE_CALLS_H

#include "opens.h"
#include "socket.h"

#define STEPS 20
#define EINPROGRESS 115

enum kind { BY_STEPS, OPENAT, OPEN, CLOSE, CLONE, EXECVE, EXECVEAT };

/* Steps; ``a`` is an argument of the call or what SAVE and LOAD put in its place. */
enum op {
	RET,	 /* what the call returned */
	I32,	 /* a, 4 bytes signed as 8: descriptors, process ids */
	U64, U32, U16, U8,
	TEXT,
	NOTHING, /* no value */
	BITS,	 /* a, its bits renamed by table b, c bytes */
	VALUE,	 /* a, as table b calls it, c bytes */
	NUMBER,	 /* b, c bytes */
	SAVE,	 /* put the return value into c; no parameter */
	LOAD,	 /* put the 8 bytes at a + b of the process into c; no parameter */
	LOAD4,	 /* the same with 4 bytes, signed */
	OPENFLAGS, /* a; the new descriptor is that returned */
	MODE,	 /* a, if flags b create a file */
	DEV, INO, /* of descriptor a */
	LAYER,	 /* of descriptor a */
	ADDRESS, /* at a, b its length */
	TUPLE,	 /* of descriptor a, address named at b; c: 1 inbound, 2 also when it goes on in the background */
	DATA,	 /* at a, of length b; c: 1 only when the call succeeded */
	QUEUE,	 /* of the listening socket a: three parameters */
	ENDS,	 /* of unix socket a: two parameters */
	CAPS,	 /* three parameters */
	PRCTL,	 /* two parameters */
	TRACE,	 /* of ptrace: two parameters */
	MEMORY,	 /* three parameters */
	TEXT_IF, /* text at a when argument b is c */
	RETURNED, /* what was returned, 0 for an error, c bytes */
};

struct step {
	u8 op, a, b, c;
};
struct recipe {
	u16 type;
	u8 kind, count, params, pad[3];
	struct step steps[STEPS];
};
struct {
	__uint(type, MAP_ARRAY);
	__uint(max_entries, CALLS);
	__type(key, u32);
	__type(value, struct recipe);
} recipes SEC(".maps");

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

static __always_inline void put_sized(struct room *room, u64 value, u32 bytes)
{
	if (bytes == 1)
		put_u8(room, value);
	else if (bytes == 2)
		put_u16(room, value);
	else if (bytes == 4)
		put_u32(room, value);
	else
		put_u64(room, value);
}

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

static __always_inline void put_trace(struct room *room)
{
	u64 request = room->args[0], addr = room->args[2], data = room->args[3];
	bool failed = room->ret < 0;
	open_param(room);
	part_u8(room, 0);
	part_u64(room, failed ? 0 : addr);
	close_param(room);
	open_param(room);
	if (!failed && (request == 7 || request == 9 || request == 17 || request == 24)) {
		part_u8(room, 1); /* a signal to go on with */
		part_u8(room, data);
	} else {
		u64 value = data;
		if (!failed && request >= 1 && request <= 3)
			bpf_probe_read_user(&value, 8, (void *)data);
		part_u8(room, 0);
		part_u64(room, failed ? 0 : value);
	}
	close_param(room);
}

struct walk {
	u32 call;
};

static long one_step(u32 i, void *context)
{
	struct walk *walk = context;
	u32 call = walk->call;
	struct room *room = room_here();
	struct recipe *recipe = bpf_map_lookup_elem(&recipes, &call);
	if (!room || !recipe || i >= STEPS || i >= recipe->count)
		return 1;
	struct step step = recipe->steps[i];
	u64 value = step.a < 6 ? room->args[step.a] : 0;
	u64 other = step.b < 6 ? room->args[step.b] : 0;
	s64 ret = room->ret;
	switch (step.op) {
	case RET: put_u64(room, ret); break;
	case I32: put_u64(room, (s64)(s32)value); break;
	case U64: put_u64(room, value); break;
	case U32: put_u32(room, value); break;
	case U16: put_u16(room, value); break;
	case U8: put_u8(room, value); break;
	case TEXT: put_text(room, value, 4096); break;
	case TEXT_IF:
		if ((u32)other == step.c)
			put_text(room, value, 4096);
		else
			done(room, 0);
		break;
	case NOTHING: done(room, 0); break;
	case BITS: put_sized(room, renamed(value, step.b), step.c); break;
	case VALUE: put_sized(room, value_of(value, step.b), step.c); break;
	case NUMBER: put_sized(room, step.b, step.c); break;
	case RETURNED: put_sized(room, ret < 0 ? 0 : ret, step.c); break;
	case SAVE:
		if (step.c < 6)
			room->args[step.c] = ret;
		break;
	case LOAD: {
		u64 loaded = 0;
		bpf_probe_read_user(&loaded, 8, (void *)(value + step.b));
		if (step.c < 6)
			room->args[step.c] = loaded;
		break;
	}
	case LOAD4: {
		s32 loaded = 0;
		bpf_probe_read_user(&loaded, 4, (void *)(value + step.b));
		if (step.c < 6)
			room->args[step.c] = (s64)loaded;
		break;
	}
	case OPENFLAGS: {
		struct about about = {};
		if (ret >= 0)
			look(ret, &about);
		put_u32(room, open_flags(value) | found_flags(&about));
		break;
	}
	case MODE: put_u32(room, open_mode(other, value)); break;
	case DEV:
	case INO:
	case LAYER: {
		struct about about = {};
		if (ret >= 0)
			look((s32)value, &about);
		if (step.op == DEV)
			put_u32(room, about.dev);
		else if (step.op == INO)
			put_u64(room, about.ino);
		else
			put_u16(room, about.layer);
		break;
	}
	case ADDRESS: put_address(room, value, other); break;
	case TUPLE:
		if (ret >= 0 || (step.c & 2 && ret == -EINPROGRESS))
			put_tuple((s32)value, other, step.c & 1);
		else
			done(room, 0);
		break;
	case DATA: {
		u64 length = ret > 0 ? ret : step.c & 1 ? 0 : other;
		if (length > control.snaplen)
			length = control.snaplen;
		put_bytes(room, value, length);
		break;
	}
	case QUEUE: {
		u32 waiting = 0, most = 0;
		struct sock *sk = ret >= 0 ? sock_of((s32)value) : NULL;
		if (sk) {
			waiting = BPF_CORE_READ(sk, sk_ack_backlog);
			most = BPF_CORE_READ(sk, sk_max_ack_backlog);
		}
		put_u8(room, most ? (u64)waiting * 100 / most : 0);
		put_u32(room, waiting);
		put_u32(room, most);
		break;
	}
	case ENDS: {
		struct sock *sk = ret >= 0 ? sock_of((s32)value) : NULL;
		put_u64(room, (u64)sk);
		put_u64(room, sk ? (u64)BPF_CORE_READ((struct unix_sock *)sk, peer) : 0);
		break;
	}
	case CAPS: {
		const struct cred *cred = BPF_CORE_READ(bpf_get_current_task_btf(), cred);
		put_u64(room, capabilities(cred, 0));
		put_u64(room, capabilities(cred, 1));
		put_u64(room, capabilities(cred, 2));
		break;
	}
	case PRCTL: {
		u32 option = room->args[0];
		if (option == 15 || option == 16) { /* the name of the thread */
			put_text(room, room->args[1], 4096);
			put_u64(room, 0);
			break;
		}
		s64 number = room->args[1];
		if (option == 37) { /* where to put whether it adopts orphans */
			s32 adopts = 0;
			bpf_probe_read_user(&adopts, 4, (void *)number);
			number = adopts;
		}
		done(room, 0);
		put_u64(room, number);
		break;
	}
	case TRACE: put_trace(room); break;
	case MEMORY: put_memory(room, BPF_CORE_READ(bpf_get_current_task_btf(), mm)); break;
	}
	return 0;
}

struct list {
	u64 from; /* of the pointers in the process */
	u32 most;
};

static long one_text(u32 i, void *context)
{
	struct list *list = context;
	struct room *room = room_here();
	u64 text = 0;
	if (!room || bpf_probe_read_user(&text, 8, (void *)(list->from + 8 * (u64)i)) || !text)
		return 1;
	u32 at = room->at & REACH;
	if (at - room->start >= list->most)
		return 1;
	long got = bpf_probe_read_user_str(room->block + at, 4096, (void *)text);
	room->at = at + (got < 0 ? 0 : got & 0x1fff);
	return 0;
}

static __always_inline void put_texts(struct room *room, u64 from, u32 most)
{
	struct list list = {from, most};
	open_param(room);
	if (from)
		bpf_loop(512, one_text, &list, 0);
	close_param(room);
}

/* A program that could not be executed: what was asked for, by whom. */
static __noinline int put_exec_failure(u32 at)
{
	struct room *room = room_here();
	struct task_struct *task = bpf_get_current_task_btf();
	if (!room)
		return 0;
	u64 argv = room->args[at ? 2 : 1], envp = room->args[at ? 3 : 2], first = 0;
	begin(room, at ? 30 : 31);
	put_u64(room, room->ret);
	if (argv)
		bpf_probe_read_user(&first, 8, (void *)argv);
	put_text(room, first, 4096);
	put_texts(room, first ? argv + 8 : 0, control.args_limit);
	put_u64(room, task->pid);
	put_u64(room, task->tgid);
	put_u64(room, BPF_CORE_READ(task, real_parent, tgid));
	done(room, 0);
	put_u64(room, BPF_CORE_READ(task, signal, rlim[7].rlim_cur));
	put_u64(room, task->maj_flt);
	put_u64(room, task->min_flt);
	put_memory(room, BPF_CORE_READ(task, mm));
	put_kernel_text(room, &task->comm, 16);
	put_groups(task);
	put_texts(room, envp, control.env_limit);
	put_u32(room, terminal(task));
	put_u64(room, id_inside(task, PIDTYPE_PGID));
	put_u32(room, login_of(task));
	put_exe(task);
	put_exe_path(task);
	put_u64(room, id_outside(task, PIDTYPE_PGID));
	put_u32(room, BPF_CORE_READ(task, cred, egid.val));
	if (!at)
		put_text(room, room->args[0], 4096);
	return 0;
}

/* The caller's side of clone, fork and vfork; the child's comes with the fork itself. */
static __noinline int put_clone(u32 call)
{
	struct room *room = room_here();
	struct recipe *recipe = bpf_map_lookup_elem(&recipes, &call);
	struct task_struct *task = bpf_get_current_task_btf();
	if (!room || !recipe)
		return 0;
	u64 flags = 0;
	if (recipe->type == EVENT_CLONE3)
		bpf_probe_read_user(&flags, 8, (void *)room->args[0]);
	else if (recipe->type == EVENT_CLONE)
		flags = room->args[0];
	else if (recipe->type == EVENT_VFORK)
		flags = 0x4100; /* CLONE_VFORK | CLONE_VM */
	begin(room, 21);
	put_u64(room, room->ret);
	put_process(task);
	put_groups(task);
	u32 renamed_flags = renamed(flags, 0);
	if (level_of(task) || BPF_CORE_READ(task, nsproxy, pid_ns_for_children) != innermost(task->thread_pid).ns)
		renamed_flags |= CL_CHILD_IN_PIDNS;
	put_u32(room, renamed_flags);
	put_clone_rest(room, task, false);
	return 0;
}

/* Whether a program of 32 bits called: its calls have other numbers. */
static __always_inline bool is_foreign(struct task_struct *task)
{
#if defined(__TARGET_ARCH_x86)
	return task->thread_info.status & 2;
#else
	return task->thread_info.flags & 1 << 22;
#endif
}

#if defined(__TARGET_ARCH_x86)
#define ARG(regs, k) ((k) == 0 ? (regs)->di : (k) == 1 ? (regs)->si : (k) == 2 ? (regs)->dx : (regs)->r10)
#else
#define ARG(regs, k) ((k) == 0 ? (regs)->orig_x0 : (regs)->regs[k]) /* x0 holds the result by now */
#endif

SEC("tp_btf/sys_exit")
int BPF_PROG(on_return, struct pt_regs *regs, long ret)
{
#if defined(__TARGET_ARCH_x86)
	u64 call = regs->orig_ax;
#else
	u64 call = (u32)regs->syscallno;
#endif
	if (call >= CALLS)
		return 0;
	u32 interest = control.interest[call];
	if (!interest)
		return 0;
	struct task_struct *task = bpf_get_current_task_btf();
	if (task->tgid == control.own)
		return 0;
	struct counters *counters = counters_of(bpf_get_smp_processor_id());
	if (is_foreign(task)) {
		counters->foreign++;
		return 0;
	}
	if (ret < 0 && !(interest & FAILURES_TOO)) {
		counters->failures++;
		return 0;
	}
	if (!(interest & OF_PROCESSES) && filters.groups && in_group(task)) {
		counters->groups++;
		return 0;
	}
	if (interest & CAPPED && over_cap(task->tgid, call)) {
		counters->capped++;
		control.lost++;
		return 0;
	}
	switch (interest & FAST) {
	case FAST_CLOSE: return send_close(task, ret, (s64)(s32)ARG(regs, 0));
	case FAST_OPEN: return send_open(task, ret, interest, 0, ARG(regs, 0), ARG(regs, 1), ARG(regs, 2));
	case FAST_OPENAT: return send_open(task, ret, interest, (s64)(s32)ARG(regs, 0), ARG(regs, 1), ARG(regs, 2), ARG(regs, 3));
	}
	u32 number = call;
	struct recipe *recipe = bpf_map_lookup_elem(&recipes, &number);
	if (!recipe)
		return 0;
	u32 kind = recipe->kind;
	u32 type = recipe->type;
	if ((kind == CLONE || kind == EXECVE || kind == EXECVEAT) && ret == 0)
		return 0;
	struct room *room = room_here();
	if (!room)
		return 0;
	room->ret = ret;
	room->args[0] = ARG(regs, 0);
	room->args[1] = ARG(regs, 1);
	room->args[2] = ARG(regs, 2);
	room->args[3] = ARG(regs, 3);
#if defined(__TARGET_ARCH_x86)
	room->args[4] = regs->r8;
	room->args[5] = regs->r9;
#else
	room->args[4] = regs->regs[4];
	room->args[5] = regs->regs[5];
#endif
	switch (kind) {
	case CLONE: put_clone(number); break;
	case EXECVE: put_exec_failure(0); break;
	case EXECVEAT: put_exec_failure(1); break;
	default: {
		struct walk walk = {number};
		begin(room, recipe->params);
		bpf_loop(STEPS, one_step, &walk, 0);
	}
	}
	leave(room, type, task->pid, interest & URGENT);
	return 0;
}

#endif
