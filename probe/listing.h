/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 *
 * The open files there are, with both ends of sockets, as the kernel lists them.
 */
#ifndef PROBE_LISTING_H
#define PROBE_LISTING_H

#include "socket.h"

#define LISTED_PATH 4096

struct listed {
	u32 size; /* of all of it */
	s32 pid;
	u64 start; /* of the process, ns of the boot clock */
	u64 ino, own, peer; /* the last two: of a socket, its address in the kernel and that of the other end */
	u32 fd, flags, dev, mount;
	u16 mode, family, type, proto;
	u16 near_port, far_port;
	u8 state, unused[3];
	u8 near[16], far[16];
	char path[LISTED_PATH]; /* of a unix socket its address, or that of the other end */
};
struct {
	__uint(type, MAP_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct listed);
} listing SEC(".maps"); /* one reader at a time */

/* Fill in what is known of a socket; return the length of its name. */
static __always_inline u32 list_socket(struct listed *listed, struct sock *sk)
{
	u16 family = listed->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	listed->own = (u64)sk;
	listed->type = BPF_CORE_READ(sk, sk_type);
	listed->proto = BPF_CORE_READ(sk, sk_protocol);
	listed->state = BPF_CORE_READ(sk, __sk_common.skc_state);
	if (family == AF_UNIX) {
		struct unix_sock *peer = (void *)BPF_CORE_READ((struct unix_sock *)sk, peer);
		listed->peer = (u64)peer;
		u32 length = unix_path(listed->path, (struct unix_sock *)sk);
		return length ? length : unix_path(listed->path, peer);
	}
	if (family != AF_INET && family != AF_INET6)
		return 0;
	struct inet_sock *inet = (void *)sk;
	listed->near_port = swapped(BPF_CORE_READ(inet, inet_sport));
	listed->far_port = swapped(BPF_CORE_READ(sk, __sk_common.skc_dport));
	if (family == AF_INET) {
		*(u32 *)listed->near = BPF_CORE_READ(inet, inet_saddr);
		*(u32 *)listed->far = BPF_CORE_READ(sk, __sk_common.skc_daddr);
	} else {
		struct ipv6_pinfo *info = BPF_CORE_READ((struct inet_sock___v6 *)sk, pinet6);
		bpf_core_read(listed->near, 16, &info->saddr);
		bpf_core_read(listed->far, 16, &sk->__sk_common.skc_v6_daddr);
	}
	return 0;
}

SEC("iter/task_file")
int list_files(struct bpf_iter__task_file *context)
{
	struct task_struct *task = context->task;
	struct file *file = context->file;
	u32 key = 0, fd = context->fd;
	struct listed *listed = bpf_map_lookup_elem(&listing, &key);
	if (!task || !file || !listed || task->flags & PF_KTHREAD)
		return 0;
	__builtin_memset(listed, 0, sizeof(*listed) - LISTED_PATH);
	struct inode *inode = file->f_inode;
	listed->pid = task->tgid;
	listed->start = BPF_CORE_READ(task, group_leader, start_boottime);
	listed->fd = fd;
	listed->flags = open_flags(file->f_flags) & ~(PPM_O_LARGEFILE | PPM_O_TMPFILE); /* as /proc shows them */
	listed->ino = BPF_CORE_READ(inode, i_ino);
	listed->dev = device(BPF_CORE_READ(inode, i_sb, s_dev));
	listed->mode = BPF_CORE_READ(inode, i_mode);
	struct vfsmount *mount = BPF_CORE_READ(file, f_path.mnt);
	struct mount *mounted = (void *)mount - bpf_core_field_offset(struct mount, mnt);
	listed->mount = BPF_CORE_READ(mounted, mnt_id);
	unsigned long *closing = BPF_CORE_READ(task, files, fdt, close_on_exec);
	unsigned long bits = 0;
	bpf_probe_read_kernel(&bits, sizeof(bits), closing + (fd >> 6));
	if (bits >> (fd & 63) & 1)
		listed->flags |= PPM_O_CLOEXEC;
	struct socket *socket = (listed->mode & 0170000) == S_IFSOCK ? BPF_CORE_READ(file, private_data) : NULL;
	struct sock *sk = socket && BPF_CORE_READ(socket, file) == file ? BPF_CORE_READ(socket, sk) : NULL;
	long length = sk ? list_socket(listed, sk) : bpf_d_path(&file->f_path, listed->path, LISTED_PATH);
	if (length < 0)
		length = 0;
	length &= 0x1fff;
	if (length > LISTED_PATH)
		length = LISTED_PATH;
	listed->size = sizeof(*listed) - LISTED_PATH + length;
	bpf_seq_write(context->meta->seq, listed, sizeof(*listed) - LISTED_PATH + length);
	return 0;
}

#endif
