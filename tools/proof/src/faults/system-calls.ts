/**
 * Numbers of system calls on x86-64 (arch/x86/entry/syscalls/syscall_64.tbl) that change nothing outside of the process that makes them. Calls
 * that are not here are side effects until somebody knows better.
 */
export const harmlessCalls: readonly number[] = Object.values({
  ...{ read: 0, close: 3, stat: 4, fstat: 5, lstat: 6, poll: 7, lseek: 8, mmap: 9, mprotect: 10, munmap: 11 },
  ...{ brk: 12, rt_sigaction: 13, rt_sigprocmask: 14, rt_sigreturn: 15, pread64: 17, readv: 19, access: 21 },
  ...{ sched_yield: 24, mremap: 25, madvise: 28, dup: 32, nanosleep: 35, getpid: 39, socket: 41 },
  ...{ recvfrom: 45, recvmsg: 47, getsockname: 51, setsockopt: 54, getsockopt: 55, clone: 56, exit: 60 },
  ...{ kill: 62, fcntl: 72, getcwd: 79, readlink: 89, gettimeofday: 96, getrlimit: 97, getrusage: 98 },
  ...{ getuid: 102, getgid: 104, geteuid: 107, getppid: 110, capget: 125, sigaltstack: 131, prctl: 157 },
  ...{ arch_prctl: 158, gettid: 186, futex: 202, sched_getaffinity: 204, getdents64: 217, fadvise64: 221 },
  ...{ clock_gettime: 228, clock_nanosleep: 230, exit_group: 231, epoll_wait: 232, epoll_ctl: 233 },
  ...{ newfstatat: 262, readlinkat: 267, faccessat: 269, unshare: 272, set_robust_list: 273 },
  ...{
    epoll_pwait: 281,
    eventfd2: 290,
    epoll_create1: 291,
    pipe2: 293,
    preadv: 295,
    recvmmsg: 299,
    prlimit64: 302,
  },
  ...{ setns: 308, getrandom: 318, statx: 332, rseq: 334, clone3: 435, faccessat2: 439 },
});

/** Numbers of the calls whose arguments decide whether they change anything, or how that is told. */
export const calls = {
  ...{ write: 1, open: 2, ioctl: 16, pwrite64: 18, writev: 20, sendto: 44, sendmsg: 46, bind: 49 },
  ...{ fsync: 74, fdatasync: 75, ftruncate: 77, rename: 82, mkdir: 83, rmdir: 84, link: 86, unlink: 87 },
  ...{ symlink: 88, chmod: 90, fchmod: 91, mount: 165, umount2: 166, openat: 257, mkdirat: 258 },
  ...{ unlinkat: 263, renameat: 264, pwritev: 296, renameat2: 316, bpf: 321 },
} as const;
