/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 *
 * System calls at their return. What most of them report is written down in tables the loader fills: a recipe for
 * each call, with a step for each parameter. The commonest calls have code of their own.
 */
#ifndef PROBE_CALLS_H
#define PROBE_CALLS_H

#include "opens.h"
#include "rare.h"

#define STEPS 20
#define RECIPES (CALLS + 8) /* those from CALLS on are of calls that only 32-bit programs make */
#define EINPROGRESS 115

enum kind { BY_STEPS, OPENAT, OPEN, CLOSE, CLONE, EXECVE, EXECVEAT };

/* Steps; ``a`` is an argument of the call or what SAVE and LOAD put in its place. */
enum op {
	RET,	 /* what the call returned */
	I32,	 /* a, 4 bytes signed as 8: descriptors, process ids */
	U64, U32, U16, U8,
	TEXT,	 /* c: 1 only when the call succeeded */
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
	WORD,	 /* put word b of the process at a into c: a pointer or a long number; no parameter */
	PARTS,	 /* data in parts: b of them, named at a; c: 1 only when the call succeeded */
	SIZE,	 /* of data in parts: b of them, named at a */
	CONTROL, /* of the message whose header is at a */
	MESSAGES, /* all parameters; c: 1 received */
	PATH,	 /* of descriptor a */
	LIMITS,	 /* at a; b: 1 numbers of 8 bytes in any program; c: 1 only when the call succeeded; two parameters */
	OPTION,	 /* of a socket, of length a, b the table of names: four parameters */
	POLLED,	 /* b descriptors at a, c the table of what happened */
	SPAN,	 /* ns of the time at a */
	OPERATIONS, /* b operations on semaphores at a, c the table of flags: six parameters */
	U32_IF,	 /* a if argument b is c, else 0 */
	QUOTA,	 /* command a, b and c the tables of commands and formats: 16 parameters */
	KEYS,	 /* operation a, b the table of its arguments: four parameters */
	SETTING, /* of command a, value b, length c: two parameters */
	GENERIC, /* the code of the call, b its low and c its high byte, and its number: two parameters */
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
	__uint(max_entries, RECIPES);
	__type(key, u32);
	__type(value, struct recipe);
} recipes SEC(".maps");

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

static __always_inline void put_trace(struct room *room, u32 layout)
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
			value = word_at(data, 0, layout);
		part_u8(room, 0);
		part_u64(room, failed ? 0 : value);
	}
	close_param(room);
}

struct walk {
	u32 call, layout;
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
	u32 layout = walk->layout;
	switch (step.op) {
	case RET: put_u64(room, ret); break;
	case I32: put_u64(room, (s64)(s32)value); break;
	case U64: put_u64(room, value); break;
	case U32: put_u32(room, value); break;
	case U16: put_u16(room, value); break;
	case U8: put_u8(room, value); break;
	case TEXT:
		if (ret >= 0 || !step.c)
			put_text(room, value, 4096);
		else
			done(room, 0);
		break;
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
	case TRACE: put_trace(room, layout); break;
	case MEMORY: put_memory(room, BPF_CORE_READ(bpf_get_current_task_btf(), mm)); break;
	case WORD:
		if (step.c < 6)
			room->args[step.c] = word_at(value, step.b, layout);
		break;
	case PARTS: {
		u32 most = control.snaplen;
		if (ret > 0 && most > ret)
			most = ret;
		put_parts(value, other, ret <= 0 && step.c ? 0 : most, layout);
		break;
	}
	case SIZE: put_size(value, other, layout); break;
	case CONTROL:
		if (ret >= 0)
			put_control(value, layout);
		else
			done(room, 0);
		break;
	case MESSAGES: put_messages(step.c, layout); break;
	case PATH: {
		struct file *file = ret >= 0 ? file_of((s32)value) : NULL;
		if (file)
			put_path(room, &file->f_path, bpf_get_current_task_btf());
		else
			done(room, 0);
		break;
	}
	case LIMITS: put_limits(value, ret == 0 || !step.c, step.b ? WIDE : layout); break;
	case OPTION: put_option(value, step.b, layout); break;
	case POLLED: put_polled(value, other, step.c); break;
	case SPAN: put_u64(room, span_at(value, layout)); break;
	case OPERATIONS: put_operations(value, other, step.c); break;
	case U32_IF: put_u32(room, (u32)other == step.c ? value : 0); break;
	case QUOTA: put_quota(value, step.b, step.c); break;
	case KEYS: put_keys(value, step.b); break;
	case SETTING: put_setting(value, other, step.c < 6 ? room->args[step.c] : 0); break;
	case GENERIC:
		put_u16(room, step.b | step.c << 8);
		put_u16(room, call);
		break;
	}
	return 0;
}

struct list {
	u64 from; /* of the pointers in the process */
	u32 most, layout;
};

static long one_text(u32 i, void *context)
{
	struct list *list = context;
	struct room *room = room_here();
	u64 text = word_at(list->from, i, list->layout);
	if (!room || !text)
		return 1;
	u32 at = room->at & REACH;
	if (at - room->start >= list->most)
		return 1;
	long got = bpf_probe_read_user_str(room->block + at, 4096, (void *)text);
	room->at = at + (got < 0 ? 0 : got & 0x1fff);
	return 0;
}

static __always_inline void put_texts(struct room *room, u64 from, u32 most, u32 layout)
{
	struct list list = {from, most, layout};
	open_param(room);
	if (from)
		bpf_loop(512, one_text, &list, 0);
	close_param(room);
}

/* A program that could not be executed: what was asked for, by whom. */
static __noinline int put_exec_failure(u32 at, u32 layout)
{
	struct room *room = room_here();
	struct task_struct *task = bpf_get_current_task_btf();
	if (!room)
		return 0;
	u64 argv = room->args[at ? 2 : 1], envp = room->args[at ? 3 : 2], first = 0;
	begin(room, at ? 30 : 31);
	put_u64(room, room->ret);
	if (argv)
		first = word_at(argv, 0, layout);
	put_text(room, first, 4096);
	put_texts(room, first ? argv + (layout ? 4 : 8) : 0, control.args_limit, layout);
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
	put_texts(room, envp, control.env_limit, layout);
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

/* Whether a call is left out, and counted, for what it returned, whose it is or how often it comes. */
static __always_inline bool left_out(struct task_struct *task, u32 interest, s64 ret, u32 call, struct counters *counters)
{
	if (ret < 0 && !(interest & FAILURES_TOO)) {
		counters->failures++;
		return true;
	}
	if (!(interest & OF_PROCESSES) && filters.groups && in_group(task)) {
		counters->groups++;
		return true;
	}
	if (interest & CAPPED && over_cap(task->tgid, call)) {
		counters->capped++;
		control.lost++;
		return true;
	}
	return false;
}

/* Put together and send what the recipe says of a call whose arguments are in the room. */
static __always_inline int report(struct room *room, struct task_struct *task, struct recipe *recipe, u32 number,
				  u32 interest, u32 layout)
{
	u32 kind = recipe->kind;
	u32 type = recipe->type;
	if ((kind == CLONE || kind == EXECVE || kind == EXECVEAT) && room->ret == 0)
		return 0;
	switch (kind) {
	case CLONE: put_clone(number); break;
	case EXECVE: put_exec_failure(0, layout); break;
	case EXECVEAT: put_exec_failure(1, layout); break;
	default: {
		struct walk walk = {number, layout};
		begin(room, recipe->params);
		bpf_loop(STEPS, one_step, &walk, 0);
	}
	}
	leave(room, type, task->pid, interest & URGENT);
	return 0;
}

/* What becomes of a call of a 32-bit program, by its number there; from CALLS on by that of a socketcall. */
struct compat {
	u16 recipe;
	u8 interest, layout;
};
struct {
	__uint(type, MAP_ARRAY);
	__uint(max_entries, CALLS + 32);
	__type(key, u32);
	__type(value, struct compat);
} compats SEC(".maps");

#if defined(__TARGET_ARCH_x86)
enum { OLD_MMAP = 90, SOCKETCALL = 102, LLSEEK = 140, PREAD = 180, PWRITE = 181, MMAP2 = 192, PREADV = 333, PWRITEV = 334 };

static __always_inline void words_of(struct room *room, u64 from)
{
	for (u32 k = 0; k < 6; k++)
		room->args[k] = word_at(from, k, NARROW);
}

static __noinline int on_foreign(struct pt_regs *regs, u32 call, s64 ret, struct task_struct *task)
{
	struct room *room = room_here();
	if (!room)
		return 0;
	u64 *args = room->args;
	room->ret = ret;
	args[0] = (u32)regs->bx;
	args[1] = (u32)regs->cx;
	args[2] = (u32)regs->dx;
	args[3] = (u32)regs->si;
	args[4] = (u32)regs->di;
	args[5] = (u32)regs->bp;
	u32 key = call == SOCKETCALL ? CALLS + (args[0] & 31) : call;
	struct compat *compat = bpf_map_lookup_elem(&compats, &key);
	if (!compat || !compat->interest)
		return 0;
	u32 number = compat->recipe, interest = compat->interest;
	if (left_out(task, interest, ret, number, counters_of(room->cpu)))
		return 0;
	if ((interest & FAST) == FAST_CLOSE)
		return send_close(task, ret, (s64)(s32)args[0]);
	if (interest & FAST) {
		u64 *rest = (interest & FAST) == FAST_OPENAT ? args + 1 : args;
		/* few programs of 32 bits are left: names are not looked at */
		return send_open(task, ret, interest & ~BY_NAME, (s64)(s32)args[0], rest[0], rest[1], rest[2]);
	}
	struct recipe *recipe = bpf_map_lookup_elem(&recipes, &number);
	if (!recipe)
		return 0;
	switch (call) { /* where the same arguments come in another way */
	case OLD_MMAP: words_of(room, args[0]); break;
	case SOCKETCALL: words_of(room, args[1]); break;
	case LLSEEK:
		args[1] = args[1] << 32 | args[2];
		args[2] = args[4];
		break;
	case PREAD:
	case PWRITE:
	case PREADV:
	case PWRITEV: args[3] |= args[4] << 32; break;
	case MMAP2: args[5] <<= 12; break;
	}
	return report(room, task, recipe, number, interest, compat->layout);
}
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
	bool foreign = is_foreign(task);
	if (!(interest & TRACED) && !foreign || task->tgid == control.own)
		return 0;
	struct counters *counters = counters_of(bpf_get_smp_processor_id());
	if (foreign) {
#if defined(__TARGET_ARCH_x86)
		return on_foreign(regs, call, ret, task);
#else
		counters->foreign++;
		return 0;
#endif
	}
	if (left_out(task, interest, ret, call, counters))
		return 0;
	switch (interest & FAST) {
	case FAST_CLOSE: return send_close(task, ret, (s64)(s32)ARG(regs, 0));
	case FAST_OPEN: return send_open(task, ret, interest, 0, ARG(regs, 0), ARG(regs, 1), ARG(regs, 2));
	case FAST_OPENAT: return send_open(task, ret, interest, (s64)(s32)ARG(regs, 0), ARG(regs, 1), ARG(regs, 2), ARG(regs, 3));
	}
	u32 number = call;
	struct recipe *recipe = bpf_map_lookup_elem(&recipes, &number);
	if (!recipe)
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
	return report(room, task, recipe, number, interest, WIDE);
}

#endif
