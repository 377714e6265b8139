// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/* The programs that watch a host: system calls at their return, processes that start, execute and end, and the list of
 * those that are there. */
#include "calls.h"
#include "listing.h"
#include "signal.h"
#include "tasks.h"

char LICENSE[] SEC("license") = "GPL";
