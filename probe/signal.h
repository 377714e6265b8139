/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 *
 * Signals as they reach a thread. Attached only while rules ask for them.
 */
#ifndef PROBE_SIGNAL_H
#define PROBE_SIGNAL_H

#include "room.h"

#define EVENT_SIGNALDELIVER 232

enum { SIGHUP = 1, SIGINT = 2, SIGQUIT = 3, SIGKILL = 9, SIGTERM = 15, SIGCHLD = 17, SIGTSTP = 20, SIGRTMIN = 34, SIGRTMAX = 64 };

/* Who sent it, where the kernel keeps that for this signal; as in Falco 0 for those that faults and timers raise. */
static __always_inline s32 sender(int sig, struct kernel_siginfo *info)
{
	bool sent = sig == SIGKILL || sig == SIGCHLD || (sig >= SIGRTMIN && sig <= SIGRTMAX);
	if (sig == SIGHUP || sig == SIGINT || sig == SIGQUIT || sig == SIGTERM || sig == SIGTSTP)
		sent = BPF_CORE_READ(info, si_code) <= 0; /* by a process, not by the kernel */
	return info && sent ? BPF_CORE_READ(info, _sifields._kill._pid) : 0;
}

SEC("tp_btf/signal_deliver")
int BPF_PROG(on_signal, int sig, struct kernel_siginfo *info)
{
	struct task_struct *task = bpf_get_current_task_btf();
	if (task->tgid == control.own)
		return 0;
	struct room *room = room_here();
	if (!room)
		return 0;
	begin(room, 3);
	put_u64(room, sender(sig, info));
	put_u64(room, task->pid);
	put_u8(room, sig);
	leave(room, EVENT_SIGNALDELIVER, task->pid, false);
	return 0;
}

#endif
