// System calls of Linux that Swift's Glibc module does not show, because it is built without _GNU_SOURCE.
// Each returns -1 and sets errno like the C library's function of that name.
#pragma once
#include <linux/fs.h>
#include <malloc.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

// Puts all that was written on the file system of `descriptor` on the disk.
static inline int swarm_syncfs(int descriptor) { return (int)syscall(SYS_syncfs, descriptor); }

// Copies up to `length` bytes from and at the current positions, by reflink where the file system can.
static inline ssize_t swarm_copy_file_range(int from, int to, size_t length) {
    return syscall(SYS_copy_file_range, from, (void *)0, to, (void *)0, length, 0u);
}

// Makes `to`, an empty file that is open for writing, share the data of `from` until one of the two is written to.
static inline int swarm_clone_file(int from, int to) { return ioctl(to, FICLONE, from); }

// For open(2): reading does not change the time of access. Only for who owns the file, or may act as its owner.
static inline int swarm_noatime(void) { return 01000000; /* asm-generic/fcntl.h */ }

// For open(2) on a directory: a file without a name there.
static inline int swarm_tmpfile(void) { return 020000000 | 0200000; /* asm-generic/fcntl.h: __O_TMPFILE | O_DIRECTORY */ }

// Has the calling thread wait for all others that want the processor; there is no way back. (On Linux each thread has a nice
// value of its own, and 0 stands for the calling one: setpriority(2).)
static inline int swarm_come_last(void) { return setpriority(PRIO_PROCESS, 0, 19); }

// An empty file in memory without a name.
static inline int swarm_memory_file(const char *label) { return (int)syscall(SYS_memfd_create, label, 1u /* MFD_CLOEXEC */); }

// Bounds what the C library keeps of freed memory: buffers that are very large come from the system one by one, no more than
// two threads' worth of others is kept apart, and of these so much at their end. Within that, what a work frees is used by the
// next one, and need not be cleared by the kernel again: for torrents of some megabytes that is a tenth of the work.
static inline void swarm_bound_allocator(void) {
    mallopt(M_ARENA_MAX, 2);
    mallopt(M_MMAP_THRESHOLD, 8 * 1024 * 1024);
    mallopt(M_TRIM_THRESHOLD, 32 * 1024 * 1024);
}

// Starts writing what is in memory of a file to the disk, and does not wait for it.
static inline int swarm_start_writing(int descriptor) {
    return (int)syscall(SYS_sync_file_range, descriptor, 0LL, 0LL, 2u /* SYNC_FILE_RANGE_WRITE */);
}

// Gives the free pages within the heaps back as well (malloc_trim(3)).
static inline void swarm_trim_allocator(void) { malloc_trim(0); }

// One datagram of the two calls below, as `struct mmsghdr` has it: `length` is how many bytes came, or went.
struct swarm_datagram {
    struct msghdr header;
    unsigned int length;
};

// Waits for one datagram, and takes up to `count` of those that are there by then. Returns how many.
static inline int swarm_receive_datagrams(int descriptor, struct swarm_datagram *datagrams, unsigned int count) {
    return (int)syscall(SYS_recvmmsg, descriptor, datagrams, count, 0x10000 /* MSG_WAITFORONE */, (void *)0);
}

// Sends up to `count` datagrams. Returns how many went; -1 when the first one could not be sent.
static inline int swarm_send_datagrams(int descriptor, struct swarm_datagram *datagrams, unsigned int count) {
    return (int)syscall(SYS_sendmmsg, descriptor, datagrams, count, MSG_NOSIGNAL);
}
