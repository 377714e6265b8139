/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 *
 * Open files of the current process: the file behind a descriptor, and what open events say of it.
 */
#ifndef PROBE_FILE_H
#define PROBE_FILE_H

#include "process.h"

/* Set before loading: code behind a false one is never looked at. */
struct settings {
	u32 cast; /* the kernel has bpf_rdonly_cast (6.2) */
};
const volatile struct settings settings SEC(".rodata.settings");

extern void *bpf_rdonly_cast(const void *object, u32 type) __ksym __weak;

#define O_CREAT 0100
#define O_TMPFILE_BIT 020000000
#if defined(__TARGET_ARCH_x86)
#define O_DIRECT 040000
#define O_DIRECTORY 0200000
#define O_LARGEFILE 0100000
#else
#define O_DIRECT 0200000
#define O_DIRECTORY 040000
#define O_LARGEFILE 0400000
#endif
#define FMODE_CREATED 0x100000
#define PPM_O_LARGEFILE (1 << 11)
#define PPM_O_CLOEXEC (1 << 12)
#define PPM_O_TMPFILE (1 << 13)
#define PPM_O_F_CREATED (1 << 14)
#define PPM_UPPER (1 << 15)
#define PPM_LOWER (1 << 16)

struct about {
	u64 ino;
	u32 dev, created;
	enum layer layer;
};

/* What a pointer at ``at`` in the kernel points to: a load, not a call. Takes settings.cast. */
static __always_inline void *pointed(const void *at)
{
	struct list_head *head = bpf_rdonly_cast(at, bpf_core_type_id_kernel(struct list_head));
	return head->next;
}

static __always_inline struct file *file_in(struct task_struct *task, s64 fd)
{
	struct files_struct *files = task->files;
	if (!files || fd < 0)
		return NULL;
	struct fdtable *table = files->fdt;
	if (fd >= table->max_fds)
		return NULL;
	struct file **all = table->fd, *file = NULL;
	if (settings.cast)
		return pointed(&all[fd]);
	bpf_probe_read_kernel(&file, sizeof(file), &all[fd]);
	return file;
}

static __always_inline struct file *file_of(s64 fd)
{
	return file_in(bpf_get_current_task_btf(), fd);
}

static __always_inline u32 device(u32 number)
{
	u32 major = number >> 20, minor = number & 0xfffff;
	return minor & 0xff | major << 8 | (minor & ~0xff) << 12;
}

static __always_inline bool is_directory(struct file *file)
{
	if (settings.cast) {
		struct file *known = bpf_rdonly_cast(file, bpf_core_type_id_kernel(struct file));
		return (known->f_inode->i_mode & 0170000) == 0040000;
	}
	return (BPF_CORE_READ(file, f_inode, i_mode) & 0170000) == 0040000;
}

static __always_inline void look_at(struct file *file, struct about *about)
{
	about->ino = 0;
	about->dev = about->created = 0;
	about->layer = NO_LAYER;
	if (!file)
		return;
	if (settings.cast) {
		struct file *known = bpf_rdonly_cast(file, bpf_core_type_id_kernel(struct file));
		struct inode *inode = known->f_inode;
		struct super_block *block = inode->i_sb;
		about->ino = inode->i_ino;
		about->dev = device(block->s_dev);
		about->created = known->f_mode & FMODE_CREATED;
		if (block->s_magic == OVERLAY_MAGIC)
			about->layer = layer_of(file);
		return;
	}
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	about->ino = BPF_CORE_READ(inode, i_ino);
	about->dev = device(BPF_CORE_READ(inode, i_sb, s_dev));
	about->created = BPF_CORE_READ(file, f_mode) & FMODE_CREATED;
	about->layer = layer_of(file);
}

static __always_inline void look(s64 fd, struct about *about)
{
	look_at(file_of(fd), about);
}

static __always_inline u32 open_flags(u32 flags)
{
	u32 way = flags & 3;
	u32 out = way == 1 ? 2 : way == 2 ? 3 : 1;
	if (flags & O_CREAT) out |= 4;
	if (flags & (O_TMPFILE_BIT | O_DIRECTORY)) out |= 8192; /* O_TMPFILE holds both; either will do for Falco */
	if (flags & 02000) out |= 8;
	if (flags & 010000) out |= 16;
	if (flags & 0200) out |= 32;
	if (flags & 04000) out |= 64;
	if (flags & 04010000) out |= 128;
	if (flags & 01000) out |= 256;
	if (flags & O_DIRECT) out |= 512;
	if (flags & O_DIRECTORY) out |= 1024;
	if (flags & O_LARGEFILE) out |= 2048;
	if (flags & 02000000) out |= 4096;
	return out;
}
static __always_inline u32 found_flags(struct about *about)
{
	return (about->created ? PPM_O_F_CREATED : 0) |
	       (about->layer == UPPER_LAYER ? PPM_UPPER : about->layer == LOWER_LAYER ? PPM_LOWER : 0);
}
static __always_inline u32 open_mode(u64 flags, u64 mode)
{
	return flags & (O_CREAT | O_TMPFILE_BIT) ? mode & 07777 : 0;
}

#endif
