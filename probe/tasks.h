/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 *
 * The threads there are, as the kernel lists them: none is missed that ends before somebody looks into /proc.
 */
#ifndef PROBE_TASKS_H
#define PROBE_TASKS_H

#include "process.h"

struct known {
	s32 tid, pid, ptid, pgid, sid, vtid, vpid, vpgid;
	u32 uid, gid, login, tty, level, unused;
	u64 start; /* ns of the boot clock */
	u64 inheritable, permitted, effective;
	u64 namespace_start;
	char name[16];
};

SEC("iter/task")
int list_tasks(struct bpf_iter__task *context)
{
	struct task_struct *task = context->task;
	struct known known = {};
	if (!task || BPF_CORE_READ(task, flags) & PF_KTHREAD)
		return 0;
	const struct cred *cred = BPF_CORE_READ(task, cred);
	known.tid = BPF_CORE_READ(task, pid);
	known.pid = BPF_CORE_READ(task, tgid);
	known.ptid = BPF_CORE_READ(task, real_parent, tgid);
	known.pgid = id_outside(task, PIDTYPE_PGID);
	known.sid = id_outside(task, PIDTYPE_SID);
	known.vtid = id_inside(task, PIDTYPE_PID);
	known.vpid = id_inside(task, PIDTYPE_TGID);
	known.vpgid = id_inside(task, PIDTYPE_PGID);
	known.uid = BPF_CORE_READ(cred, euid.val);
	known.gid = BPF_CORE_READ(cred, egid.val);
	known.login = login_of(task);
	known.tty = terminal(task);
	known.level = level_of(task);
	known.start = BPF_CORE_READ(task, start_boottime);
	known.inheritable = capabilities(cred, 0);
	known.permitted = capabilities(cred, 1);
	known.effective = capabilities(cred, 2);
	known.namespace_start = namespace_start(task);
	bpf_probe_read_kernel_str(known.name, sizeof(known.name), &task->comm);
	bpf_seq_write(context->meta->seq, &known, sizeof(known));
	return 0;
}

#endif
