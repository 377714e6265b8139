/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 *
 * The parts of kernel types the probe reads. Offsets written here mean nothing: the loader moves every access to where
 * the running kernel has the field. A name after three underscores is another version of the same type.
 */
#ifndef PROBE_KERNEL_H
#define PROBE_KERNEL_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed char s8;
typedef short s16;
typedef int s32;
typedef long long s64;
typedef u8 __u8;
typedef u16 __u16;
typedef u32 __u32;
typedef u64 __u64;
typedef s16 __s16;
typedef s32 __s32;
typedef s64 __s64;
typedef u16 __be16;
typedef u32 __be32;
typedef u64 __be64;
typedef u32 __wsum;
typedef _Bool bool;
#define true 1
#define false 0
#define NULL ((void *)0)

enum { MAP_HASH = 1, MAP_ARRAY = 2, MAP_LRU_HASH = 9, MAP_OF_MAPS = 12, MAP_RING = 27 };
/* the names bpf_helpers.h's users expect */
enum { BPF_RB_NO_WAKEUP = 1, BPF_RB_FORCE_WAKEUP = 2 };
enum { BPF_RB_AVAIL_DATA = 0 };

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long bp, bx, r10, r9, r8, cx, dx, si, di, orig_ax;
};
#else
struct pt_regs {
	u64 regs[31];
	u64 orig_x0;
	s32 syscallno;
};
#endif

struct thread_info {
	unsigned long flags;
	u32 status;
};

struct list_head {
	struct list_head *next, *prev;
};

struct kuid {
	u32 val;
};

struct kernel_cap_struct {
	u64 val;
};
struct kernel_cap_struct___old { /* before 6.3 */
	u32 cap[2];
};

struct uid_gid_extent {
	u32 first, lower_first, count;
};
struct uid_gid_map {
	u32 nr_extents;
	struct uid_gid_extent extent[5];
};
struct user_namespace {
	struct uid_gid_map uid_map, gid_map;
};

struct group_info {
	int ngroups;
	struct kuid gid[0];
};

struct cred {
	struct kuid uid, gid, suid, sgid, euid, egid, fsuid, fsgid;
	struct kernel_cap_struct cap_inheritable, cap_permitted, cap_effective;
	struct user_namespace *user_ns;
	struct group_info *group_info;
};

struct super_block {
	u32 s_dev;
	unsigned long s_flags;
	unsigned long s_magic;
};

struct timespec64 {
	s64 tv_sec;
	long tv_nsec;
};

struct inode {
	u16 i_mode;
	struct kuid i_uid, i_gid;
	u32 i_flags;
	struct super_block *i_sb;
	unsigned long i_ino;
	s64 i_mtime_sec, i_ctime_sec; /* from 6.11 */
	u32 i_mtime_nsec, i_ctime_nsec;
};
struct inode___old { /* before 6.6 */
	struct timespec64 i_mtime, i_ctime;
};
struct inode___between {
	struct timespec64 __i_mtime, __i_ctime;
};

struct qstr {
	u32 hash, len;
	const u8 *name;
};
struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
	struct super_block *d_sb;
};
struct vfsmount {
	struct dentry *mnt_root;
};
struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
	int mnt_id;
};
struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};
struct file_operations;
struct file {
	u32 f_mode;
	const struct file_operations *f_op;
	void *private_data;
	struct inode *f_inode;
	u32 f_flags;
	struct path f_path;
};
struct fdtable {
	u32 max_fds;
	struct file **fd;
	unsigned long *close_on_exec;
};
struct files_struct {
	struct fdtable *fdt;
};
struct fs_struct {
	struct path root, pwd;
};

struct percpu_counter {
	s64 count;
};
struct mm_struct {
	unsigned long total_vm, arg_start, arg_end, env_start, env_end;
	struct percpu_counter rss_stat[4]; /* from 6.2 */
	struct file *exe_file;
};
struct atomic_long {
	s64 counter;
};
struct mm_rss_stat {
	struct atomic_long count[4];
};
struct mm_struct___old {
	struct mm_rss_stat rss_stat;
};

struct pid_namespace;
struct upid {
	int nr;
	struct pid_namespace *ns;
};
struct pid {
	u32 level;
	struct upid numbers[1];
};
struct pid_namespace {
	struct task_struct *child_reaper;
	u32 level;
};
enum pid_type { PIDTYPE_PID, PIDTYPE_TGID, PIDTYPE_PGID, PIDTYPE_SID };

struct tty_driver {
	int major, minor_start;
};
struct tty_struct {
	struct tty_driver *driver;
	int index;
};
struct rlimit {
	unsigned long rlim_cur, rlim_max;
};
struct signal_struct {
	struct pid *pids[4];
	struct tty_struct *tty;
	struct rlimit rlim[16];
	struct list_head thread_head;
	u32 is_child_subreaper : 1;
	u32 has_child_subreaper : 1;
};

struct kernfs_node {
	struct kernfs_node *parent;
	const char *name;
	u64 id;
};
struct kernfs_node___renamed { /* from 6.15 */
	struct kernfs_node *__parent;
};
struct cgroup_root;
struct cgroup_subsys_state {
	struct cgroup *cgroup;
	struct cgroup_subsys_state *parent;
};
struct cgroup {
	struct cgroup_subsys_state self;
	struct kernfs_node *kn;
	struct cgroup_root *root;
};
struct css_set {
	struct cgroup_subsys_state *subsys[16];
	struct cgroup *dfl_cgrp;
};
enum cgroup_subsys_id { cpuset_cgrp_id, cpu_cgrp_id, cpuacct_cgrp_id, io_cgrp_id, memory_cgrp_id };

struct nsproxy {
	struct pid_namespace *pid_ns_for_children;
};

struct task_struct {
	struct thread_info thread_info;
	u32 flags;
	int exit_code;
	int pid, tgid;
	struct task_struct *real_parent, *group_leader;
	struct list_head children, thread_node;
	struct pid *thread_pid;
	u64 start_time, start_boottime;
	u64 min_flt, maj_flt;
	const struct cred *cred;
	char comm[16];
	struct fs_struct *fs;
	struct files_struct *files;
	struct nsproxy *nsproxy;
	struct signal_struct *signal;
	struct kuid loginuid;
	struct css_set *cgroups;
	struct mm_struct *mm;
};

union __sifields {
	struct {
		int _pid;
		u32 _uid;
	} _kill; /* the id stands first in those of other signals, too */
};
struct kernel_siginfo {
	int si_signo, si_errno, si_code;
	union __sifields _sifields;
};

struct linux_binprm {
	const char *filename;
};

struct in6_addr {
	u8 bytes[16];
};
struct sock_common {
	u32 skc_daddr, skc_rcv_saddr;
	u16 skc_dport, skc_num;
	u16 skc_family;
	u8 skc_state;
	struct in6_addr skc_v6_daddr, skc_v6_rcv_saddr;
};
struct sock {
	struct sock_common __sk_common;
	u32 sk_ack_backlog, sk_max_ack_backlog;
	u16 sk_protocol, sk_type;
};
struct inet_sock {
	u32 inet_saddr;
	u16 inet_sport;
};
struct ipv6_pinfo {
	struct in6_addr saddr;
};
struct inet_sock___v6 {
	struct ipv6_pinfo *pinet6;
};
struct sockaddr_un {
	u16 sun_family;
	char sun_path[108];
};
struct unix_address {
	int len;
	struct sockaddr_un name[0];
};
struct unix_sock {
	struct unix_address *addr;
	struct sock *peer;
};
struct socket {
	struct file *file;
	struct sock *sk;
};

struct seq_file;
struct bpf_iter_meta {
	struct seq_file *seq;
	u64 session_id, seq_num;
};
struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};
struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	u32 fd;
	struct file *file;
};

#pragma clang attribute pop

#endif
