"""Runs hostile Python in a process that can only compute. Started by `sandbox.py` as a script of its own: stdlib only.

What holds it: a system-call filter that knows only what computing needs (no process, no network, no file opened for
writing, no signal to others), Landlock for reading where the kernel has it, resource limits, no privileges, nobody's uid
where it was root's, and death with its parent. `sandbox.py` adds the kill timer.

Standard input: JSON {code, tests, memory_bytes, seconds, secret}. Standard output: one line a test, `SECRET number outcome`.
"""

import builtins
import ctypes
import json
import os
import platform
import resource
import struct
import sys

NOBODY = 65534
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 4, 22, 38
SECCOMP_MODE_FILTER = 2
ALLOW, ERRNO, KILL = 0x7FFF0000, 0x00050000, 0x80000000
EPERM, ENOSYS = 1, 38
LOAD, JUMP_EQUAL, JUMP_SET, RETURN = 0x20, 0x15, 0x45, 0x06
NUMBER, ARCH, ARGUMENT = 0, 4, 16  # offsets in seccomp_data; an argument's lower half comes first
#: O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND, and O_TMPFILE's own bit.
WRITES = 0o1 | 0o2 | 0o100 | 0o1000 | 0o2000 | 0o20000000
CLONE_THREAD = 0x00010000
AF_UNIX = 1
TCGETS, FIONBIO, FIOCLEX = 0x5401, 0x5421, 0x5451

#: Numbers of the calls that computing needs, by machine (Linux's asm/unistd.h).
CALLS = {
    "x86_64": (
        0xC000003E,
        {
            "read": 0, "write": 1, "close": 3, "stat": 4, "fstat": 5, "lstat": 6, "poll": 7, "lseek": 8, "mmap": 9,
            "mprotect": 10,
            "munmap": 11, "brk": 12, "rt_sigaction": 13, "rt_sigprocmask": 14, "rt_sigreturn": 15, "pread64": 17, "readv": 19,
            "writev": 20, "access": 21, "select": 23, "sched_yield": 24, "mremap": 25, "madvise": 28, "dup": 32,
            "nanosleep": 35,
            "getpid": 39, "sendto": 44, "recvfrom": 45, "exit": 60, "uname": 63, "getcwd": 79, "readlink": 89,
            "gettimeofday": 96,
            "getrlimit": 97, "getrusage": 98, "sysinfo": 99, "times": 100, "getuid": 102, "getgid": 104, "geteuid": 107,
            "getegid": 108,
            "getppid": 110, "sigaltstack": 131, "arch_prctl": 158, "gettid": 186, "time": 201, "futex": 202,
            "sched_getaffinity": 204,
            "getdents64": 217, "set_tid_address": 218, "restart_syscall": 219, "clock_gettime": 228, "clock_getres": 229,
            "clock_nanosleep": 230, "exit_group": 231, "epoll_wait": 232, "epoll_ctl": 233, "newfstatat": 262,
            "readlinkat": 267,
            "faccessat": 269, "pselect6": 270, "ppoll": 271, "set_robust_list": 273, "epoll_pwait": 281, "epoll_create1": 291,
            "getrandom": 318, "membarrier": 324, "statx": 332, "rseq": 334, "faccessat2": 439, "fcntl": 72,
        },
        {"open": 2, "openat": 257, "clone": 56, "clone3": 435, "ioctl": 16, "socketpair": 53, "tgkill": 234, "prlimit64": 302},
    ),
    "aarch64": (
        0xC00000B7,
        {
            "getcwd": 17, "epoll_create1": 20, "epoll_ctl": 21, "epoll_pwait": 22, "dup": 23, "fcntl": 25, "faccessat": 48,
            "close": 57,
            "getdents64": 61, "lseek": 62, "read": 63, "write": 64, "readv": 65, "writev": 66, "pread64": 67, "pselect6": 72,
            "ppoll": 73,
            "readlinkat": 78, "newfstatat": 79, "fstat": 80, "exit": 93, "exit_group": 94, "set_tid_address": 96, "futex": 98,
            "set_robust_list": 99, "nanosleep": 101, "clock_gettime": 113, "clock_getres": 114, "clock_nanosleep": 115,
            "sched_getaffinity": 123, "sched_yield": 124, "restart_syscall": 128, "sigaltstack": 132, "rt_sigaction": 134,
            "rt_sigprocmask": 135, "rt_sigreturn": 139, "times": 153, "uname": 160, "getrlimit": 163, "getrusage": 165,
            "gettimeofday": 169,
            "getpid": 172, "getppid": 173, "getuid": 174, "geteuid": 175, "getgid": 176, "getegid": 177, "gettid": 178,
            "sysinfo": 179,
            "sendto": 206, "recvfrom": 207, "brk": 214, "munmap": 215, "mremap": 216, "mmap": 222, "mprotect": 226,
            "madvise": 233,
            "getrandom": 278, "membarrier": 283, "statx": 291, "rseq": 293, "faccessat2": 439,
        },
        {"openat": 56, "clone": 220, "clone3": 435, "ioctl": 29, "socketpair": 199, "tgkill": 131, "prlimit64": 261},
    ),
}  # fmt: skip


def filter_program(machine: str, own_pid: int) -> bytes:
    """Return the system-call filter as a BPF program: what is not named is refused."""
    arch, allowed, examined = CALLS[machine]
    refuse, unknown = ERRNO | EPERM, ERRNO | ENOSYS
    code = [(LOAD, 0, 0, ARCH), (JUMP_EQUAL, 1, 0, arch), (RETURN, 0, 0, KILL), (LOAD, 0, 0, NUMBER)]
    for number in sorted(allowed.values()):
        code += [(JUMP_EQUAL, 0, 1, number), (RETURN, 0, 0, ALLOW)]

    def examine(name: str, argument: int, test: int, values: tuple[int, ...], hit: int, miss: int) -> None:
        if name not in examined:
            return
        checks: list[tuple[int, int, int, int]] = []
        for value in values:
            checks += [(test, 0, 1, value), (RETURN, 0, 0, hit)]
        body = [(LOAD, 0, 0, ARGUMENT + 8 * argument), *checks, (RETURN, 0, 0, miss)]
        code.extend([(JUMP_EQUAL, 0, len(body), examined[name]), *body])

    examine("open", 1, JUMP_SET, (WRITES,), refuse, ALLOW)
    examine("openat", 2, JUMP_SET, (WRITES,), refuse, ALLOW)
    examine("clone", 0, JUMP_SET, (CLONE_THREAD,), ALLOW, refuse)
    examine("ioctl", 1, JUMP_EQUAL, (TCGETS, FIONBIO, FIOCLEX), ALLOW, refuse)
    examine("socketpair", 0, JUMP_EQUAL, (AF_UNIX,), ALLOW, refuse)
    examine("tgkill", 0, JUMP_EQUAL, (own_pid,), ALLOW, refuse)
    examine("prlimit64", 0, JUMP_EQUAL, (0,), ALLOW, refuse)
    # The C library falls back to clone, whose flags can be looked at, where clone3 is not there.
    code += [(JUMP_EQUAL, 0, 1, examined["clone3"]), (RETURN, 0, 0, unknown), (RETURN, 0, 0, refuse)]
    return b"".join(struct.pack("<HBBI", *each) for each in code)


def check(result: int, what: str) -> None:
    """Stop where a protection cannot be put up: without it nothing is run."""
    if result < 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


def seal(memory_bytes: int, seconds: int) -> None:
    """Give up everything but computing; there is no way back."""
    libc = ctypes.CDLL(None, use_errno=True)
    limits = {
        resource.RLIMIT_AS: memory_bytes, resource.RLIMIT_CPU: seconds + 1, resource.RLIMIT_FSIZE: 0, resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: 64, resource.RLIMIT_MEMLOCK: 0,
    }  # fmt: skip
    keep_reading_libraries()
    landlock(libc)
    for what, limit in limits.items():
        resource.setrlimit(what, (limit, limit))
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        # Else the kernel gives /proc/self to root, and with it the way to the libraries.
        check(libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0), "dumpable")
    check(libc.prctl(PR_SET_PDEATHSIG, 9, 0, 0, 0), "death signal")
    check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no new privileges")
    program = filter_program(platform.machine(), os.getpid())
    buffer = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(buffer))
    check(libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.c_char_p(header), 0, 0), "system-call filter")


def keep_reading_libraries() -> None:
    """Reach the libraries through open folders: nobody may not pass through the home of the user who installed Python."""
    if os.geteuid() != 0:
        return
    reached = {path: f"/proc/self/fd/{os.open(path, os.O_PATH | os.O_DIRECTORY)}" for path in sys.path if os.path.isdir(path)}
    for module in list(sys.modules.values()):  # packages that are loaded look for their modules beside themselves
        for path, by_folder in reached.items():
            if getattr(module, "__path__", None):
                module.__path__ = [each.replace(path + "/", by_folder + "/") for each in module.__path__]
    sys.path[:] = reached.values()
    sys.path_importer_cache.clear()


def landlock(libc: ctypes.CDLL) -> None:
    """Let only libraries be read, where the kernel can see to that (5.13 and later)."""
    create, add, restrict = 444, 445, 446
    execute, read_file, read_folder = 1 << 0, 1 << 2, 1 << 3
    everything = (1 << 13) - 1  # all rights of the first version
    ruleset = libc.syscall(create, struct.pack("Q", everything), 8, 0)
    if ruleset < 0:
        return  # the system-call filter keeps files from being written in any case
    system = ("/usr/lib", "/lib", "/lib64", "/usr/share/zoneinfo", "/dev/null", "/dev/urandom", "/proc/self/fd")
    for path in {*system, *sys.path, sys.base_prefix}:
        try:
            folder = os.open(path, os.O_PATH)
        except OSError:
            continue
        rights = read_file | (read_folder | execute if os.path.isdir(path) else 0)
        check(libc.syscall(add, ruleset, 1, struct.pack("=Qi", rights, folder), 0), "landlock")
        os.close(folder)
    check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no new privileges")
    check(libc.syscall(restrict, ruleset, 0), "landlock")
    os.close(ruleset)


def outcome_of(error: BaseException) -> str:
    """Return an exception's name, if it is one of Python's own: any other could carry what was read."""
    name = type(error).__name__
    return name if getattr(builtins, name, None) is type(error) else "Error"


def main() -> None:
    """Seal the process, then run the code and each test, and say how each ended."""
    job = json.loads(sys.stdin.buffer.read())
    report = os.dup(1)
    silence = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(silence, stream)
    compiled = ctypes.c_int(0)  # loads what ctypes needs while it still can be
    compiled.value = 1
    seal(job["memory_bytes"], job["seconds"])

    def say(number: int, outcome: str) -> None:
        os.write(report, f"{job['secret']} {number} {outcome}\n".encode())

    names = {"__name__": "candidate"}
    try:
        exec(compile(job["code"], "candidate", "exec"), names)  # noqa: S102 - that is what this process is for
    except BaseException as exc:  # hostile code may raise anything, SystemExit among it; none of it is a pass
        say(-1, outcome_of(exc))
        os._exit(0)
    say(-1, "ok")
    for number, test in enumerate(job["tests"]):
        try:
            exec(compile(test, "test", "exec"), names)  # noqa: S102 - as above
        except BaseException as exc:  # as above
            say(number, outcome_of(exc))
        else:
            say(number, "ok")
    os._exit(0)


if __name__ == "__main__":
    main()
