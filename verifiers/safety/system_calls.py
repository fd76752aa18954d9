"""The system calls of computing: their numbers by machine, and their allowed arguments."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class OneOf:
    """An argument's lower 32 bits must be one of these.

    The kernel itself looks at no more of them.
    """

    argument: int
    values: tuple[int, ...]


@dataclass(frozen=True)
class Without:
    """An argument must have none of these bits."""

    argument: int
    bits: int


@dataclass(frozen=True)
class Zero:
    """An argument must be zero in all 64 bits."""

    argument: int


Check = OneOf | Without | Zero

#: O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_ASYNC, and O_TMPFILE's own bit.
WRITES = 0o1 | 0o2 | 0o100 | 0o1000 | 0o2000 | 0o20000 | 0o20000000
#: O_ACCMODE | O_APPEND | O_NONBLOCK, and O_LARGEFILE of both machines: all that F_SETFL may set;
#: never O_ASYNC, nor O_DIRECT.
KEPT_FLAGS = 0o3 | 0o2000 | 0o4000 | 0o100000 | 0o400000
#: What glibc asks for when it makes a thread, and musl with it CLONE_DETACHED; never a process or a
#: namespace.
THREAD_FLAGS = (0x3D0F00, 0x7D0F00)
#: F_DUPFD, F_GETFD, F_SETFD, F_GETFL and F_DUPFD_CLOEXEC. Not F_SETOWN and F_SETSIG, which have the
#: kernel send signals to anybody; nor locks, leases and notices, which others feel; nor
#: F_SETPIPE_SZ and F_ADD_SEALS.
FCNTL_COMMANDS, F_SETFL = (0, 1, 2, 3, 1030), 4
TCGETS, FIONBIO, FIONCLEX, FIOCLEX = 0x5401, 0x5421, 0x5450, 0x5451
AF_UNIX, SOCK_STREAM, SOCK_NONBLOCK, SOCK_CLOEXEC = 1, 1, 0o4000, 0o2000000
STREAMS = tuple(
    SOCK_STREAM | blocking | closing
    for blocking in (0, SOCK_NONBLOCK)
    for closing in (0, SOCK_CLOEXEC)
)
#: MEMBARRIER_CMD_QUERY and the two private ones, which interrupt this process alone.
BARRIERS = (0, 8, 16)


#: Stands for the pid of the process that the filter will be for: no process has it.
OWN_PID = 0x7FFFFFFF

#: For each call that depends on its arguments, the alternatives; all checks of one alternative must
#: hold.
EXAMINED: Mapping[str, Sequence[Sequence[Check]]] = {
    "open": [[Without(1, WRITES)]],
    "openat": [[Without(2, WRITES)]],
    "clone": [[OneOf(0, THREAD_FLAGS)]],
    "fcntl": [
        [OneOf(1, FCNTL_COMMANDS)],
        [OneOf(1, (F_SETFL,)), Without(2, 0xFFFFFFFF & ~KEPT_FLAGS)],
    ],
    "ioctl": [[OneOf(1, (TCGETS, FIONBIO, FIONCLEX, FIOCLEX))]],
    # Connected streams only: a datagram socket of a pair can be given another address at any time.
    "socketpair": [[OneOf(0, (AF_UNIX,)), OneOf(1, STREAMS), OneOf(2, (0,))]],
    "sendto": [[Zero(4)]],
    "tgkill": [[OneOf(0, (OWN_PID,))]],
    "prlimit64": [[OneOf(0, (0,))]],
    "membarrier": [[OneOf(0, BARRIERS)]],
}


@dataclass(frozen=True)
class Machine:
    """An architecture's name and its numbers of calls: always allowed, and checked ones."""

    arch: int
    free: Mapping[str, int]
    examined: Mapping[str, int]
    clone3: int
    seccomp: int


#: Numbers from Linux's asm/unistd.h.
MACHINES = {
    "x86_64": Machine(
        arch=0xC000003E,
        free={
            "read": 0,
            "write": 1,
            "close": 3,
            "stat": 4,
            "fstat": 5,
            "lstat": 6,
            "poll": 7,
            "lseek": 8,
            "mmap": 9,
            "mprotect": 10,
            "munmap": 11,
            "brk": 12,
            "rt_sigaction": 13,
            "rt_sigprocmask": 14,
            "rt_sigreturn": 15,
            "pread64": 17,
            "readv": 19,
            "writev": 20,
            "access": 21,
            "select": 23,
            "sched_yield": 24,
            "mremap": 25,
            "madvise": 28,
            "dup": 32,
            "nanosleep": 35,
            "getpid": 39,
            "recvfrom": 45,
            "exit": 60,
            "uname": 63,
            "getcwd": 79,
            "readlink": 89,
            "gettimeofday": 96,
            "getrlimit": 97,
            "getrusage": 98,
            "sysinfo": 99,
            "times": 100,
            "getuid": 102,
            "getgid": 104,
            "geteuid": 107,
            "getegid": 108,
            "getppid": 110,
            "sigaltstack": 131,
            "gettid": 186,
            "time": 201,
            "futex": 202,
            "sched_getaffinity": 204,
            "getdents64": 217,
            "set_tid_address": 218,
            "restart_syscall": 219,
            "clock_gettime": 228,
            "clock_getres": 229,
            "clock_nanosleep": 230,
            "exit_group": 231,
            "epoll_wait": 232,
            "epoll_ctl": 233,
            "newfstatat": 262,
            "readlinkat": 267,
            "faccessat": 269,
            "pselect6": 270,
            "ppoll": 271,
            "set_robust_list": 273,
            "epoll_pwait": 281,
            "epoll_create1": 291,
            "getrandom": 318,
            "statx": 332,
            "rseq": 334,
            "faccessat2": 439,
        },
        examined={
            "open": 2,
            "openat": 257,
            "clone": 56,
            "fcntl": 72,
            "ioctl": 16,
            "socketpair": 53,
            "sendto": 44,
            "tgkill": 234,
            "prlimit64": 302,
            "membarrier": 324,
        },
        clone3=435,
        seccomp=317,
    ),
    "aarch64": Machine(
        arch=0xC00000B7,
        free={
            "getcwd": 17,
            "epoll_create1": 20,
            "epoll_ctl": 21,
            "epoll_pwait": 22,
            "dup": 23,
            "faccessat": 48,
            "close": 57,
            "getdents64": 61,
            "lseek": 62,
            "read": 63,
            "write": 64,
            "readv": 65,
            "writev": 66,
            "pread64": 67,
            "pselect6": 72,
            "ppoll": 73,
            "readlinkat": 78,
            "newfstatat": 79,
            "fstat": 80,
            "exit": 93,
            "exit_group": 94,
            "set_tid_address": 96,
            "futex": 98,
            "set_robust_list": 99,
            "nanosleep": 101,
            "clock_gettime": 113,
            "clock_getres": 114,
            "clock_nanosleep": 115,
            "sched_getaffinity": 123,
            "sched_yield": 124,
            "restart_syscall": 128,
            "sigaltstack": 132,
            "rt_sigaction": 134,
            "rt_sigprocmask": 135,
            "rt_sigreturn": 139,
            "times": 153,
            "uname": 160,
            "getrlimit": 163,
            "getrusage": 165,
            "gettimeofday": 169,
            "getpid": 172,
            "getppid": 173,
            "getuid": 174,
            "geteuid": 175,
            "getgid": 176,
            "getegid": 177,
            "gettid": 178,
            "sysinfo": 179,
            "recvfrom": 207,
            "brk": 214,
            "munmap": 215,
            "mremap": 216,
            "mmap": 222,
            "mprotect": 226,
            "madvise": 233,
            "getrandom": 278,
            "statx": 291,
            "rseq": 293,
            "faccessat2": 439,
        },
        examined={
            "openat": 56,
            "clone": 220,
            "fcntl": 25,
            "ioctl": 29,
            "socketpair": 199,
            "sendto": 206,
            "tgkill": 131,
            "prlimit64": 261,
            "membarrier": 283,
        },
        clone3=435,
        seccomp=277,
    ),
}
