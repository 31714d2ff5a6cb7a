"""Linux's own walls for a process that is running already: namespaces, private folders, rights, filtered calls.

bubblewrap starts a program inside such walls; a fork of a warm process has to raise them around itself. `isolate` does
it in three steps, and only then is any student code run:

1. namespaces of its own for mounts, processes, network, IPC and host name (as an ordinary user also for users);
2. fresh, bounded memory file systems over every folder that can be written, and its own `/proc`;
3. as root: another user number; always: no capability, no way to gain one, and a filter on system calls.

References
----------
unshare(2), mount(2), user_namespaces(7), prctl(2), seccomp(2).
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import platform
import socket
import struct
from collections.abc import Sequence
from functools import cache

__all__ = [
    "be_unreadable",
    "filter_program",
    "forbid_calls",
    "forbidden_calls",
    "give_up_rights",
    "isolate",
    "own_processes",
]

_NEWNS, _NEWUTS, _NEWIPC, _NEWUSER, _NEWPID, _NEWNET, _NEWCGROUP = (
    0x00020000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000, 0x02000000,
)  # fmt: skip
_NOSUID, _NODEV, _NOEXEC, _BIND, _PRIVATE, _REC = 2, 4, 8, 1 << 12, 1 << 18, 1 << 14
_SET_NO_NEW_PRIVS, _SET_SECCOMP, _CAPBSET_DROP, _SET_DUMPABLE = 38, 22, 24, 4
_FILTER, _JOIN_SESSION_KEYRING = 2, 1
_SET_INTERFACE_FLAGS, _UP = 0x8914, 1
# The words of a filter: BPF instructions, offsets in `struct seccomp_data`, answers, families of sockets.
_LOAD, _EQUAL, _ANY_BIT, _AT_LEAST, _ANSWER = 0x20, 0x15, 0x45, 0x35, 0x06
_WHICH_CALL, _WHICH_MACHINE, _FIRST_ARGUMENT, _THIRD_ARGUMENT = 0, 4, 16, 32
_KILL, _ALLOW, _REFUSE, _NO_SUCH_CALL, _NO_SUCH_FAMILY = 0x80000000, 0x7FFF0000, 0x00050001, 0x00050026, 0x00050061
_UNIX, _INET, _INET6, _NETLINK, _ROUTE = 1, 2, 10, 16, 0

# Calls that no notebook needs and that attacks on a kernel begin with: number on x86-64, on arm64.
_FORBIDDEN = {
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "kexec_load": (246, 104), "kexec_file_load": (320, 294), "init_module": (175, 105),
    "finit_module": (313, 273), "delete_module": (176, 106), "bpf": (321, 280), "perf_event_open": (298, 241),
    "userfaultfd": (323, 282), "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218),
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "open_tree": (428, 428),
    "move_mount": (429, 429), "mount_setattr": (442, 442),
    "fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432),
    "setns": (308, 268), "unshare": (272, 97), "io_uring_setup": (425, 425), "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427), "swapon": (167, 224), "swapoff": (168, 225), "reboot": (169, 142),
    "acct": (163, 89), "quotactl": (179, 60), "open_by_handle_at": (304, 265), "name_to_handle_at": (303, 264),
    "pidfd_getfd": (438, 438), "kcmp": (312, 272), "syslog": (103, 116), "fanotify_init": (300, 262),
    # Memory that no process is seen to hold, and that no bound on processes or folders counts.
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "shmget": (29, 194), "msgget": (68, 186),
    "semget": (64, 190),
}  # fmt: skip
_CLONE, _CLONE3, _SOCKET = (56, 220), (435, 435), (41, 198)
_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}


def own_processes(*, own_user: bool) -> int:
    """Unshare everything but the user's folders; the next child of this process is the first of a new process tree.

    Parameters
    ----------
    own_user : bool
        True as an ordinary user: a user namespace too, in which the same user number has the rights to mount.

    Returns
    -------
    int
        What `os.fork` returned: 0 in the new first process, whose end is the end of all that it started.

    Raises
    ------
    OSError
        The system does not allow it.
    """
    user, group = os.geteuid(), os.getegid()
    flags = _NEWNS | _NEWPID | _NEWNET | _NEWIPC | _NEWUTS | _NEWCGROUP
    _call("unshare", flags | (_NEWUSER if own_user else 0))
    if own_user:
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{user} {user} 1")
        _write("/proc/self/gid_map", f"{group} {group} 1")
    return os.fork()


def isolate(folders: Sequence[str], *, size_mb: int, keep: Sequence[str] = (), hostname: str = "course") -> None:
    """Put an empty memory file system over each folder that can be written, and this process tree's own `/proc`.

    Folders to `keep` that lie in one of them (a Python installed below the home folder) are shown there again. The
    network's only device is a loopback of its own.
    """
    _mount("none", "/", None, _PRIVATE | _REC)
    kept = [(path, os.open(path, os.O_PATH)) for path in keep if any(path.startswith(f"{one}/") for one in folders)]
    for folder in folders:
        _mount("tmpfs", folder, "tmpfs", _NOSUID | _NODEV, f"size={size_mb}m,mode=1777")
    _mount("proc", "/proc", "proc", _NOSUID | _NODEV | _NOEXEC)
    os.umask(0o022)
    for path, descriptor in kept:
        os.makedirs(path, 0o755, exist_ok=True)
        _mount(f"/proc/self/fd/{descriptor}", path, None, _BIND | _REC)
        os.close(descriptor)
    _call("sethostname", hostname.encode(), len(hostname))
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, _SET_INTERFACE_FLAGS, struct.pack("16sH14x", b"lo", _UP))


def give_up_rights(user: int | None) -> None:
    """Become another user (as root), lose every capability and the keys of whoever grades for good, and be filtered."""
    if user is not None:
        os.setgroups([])
        os.setresgid(user, user, user)
    for capability in range(64):
        if _libc().prctl(_CAPBSET_DROP, capability, 0, 0, 0):
            break  # the kernel knows no more
    if user is not None:
        os.setresuid(user, user, user)
    _drop_capabilities()
    if filter_program():
        _libc().syscall(ctypes.c_long(forbidden_calls()["keyctl"]), _JOIN_SESSION_KEYRING, None)  # an empty one
    _prctl(_SET_NO_NEW_PRIVS, 1)
    forbid_calls()


def be_unreadable() -> None:
    """Keep others of the same user from looking into this process, or from taking it over."""
    _prctl(_SET_DUMPABLE, 0)


def forbid_calls() -> None:
    """Refuse (EPERM) the system calls that no notebook needs; nothing happens on a processor without a table."""
    program = filter_program()
    if not program:
        return
    code = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(code))
    _prctl(_SET_SECCOMP, _FILTER, ctypes.c_char_p(header))


def forbidden_calls() -> dict[str, int]:
    """Return the system calls that the filter refuses: their names and numbers on this processor.

    Examples
    --------
    >>> {"clone3", "ptrace"} <= set(forbidden_calls()) or not filter_program()
    True
    """
    if platform.machine() not in _ARCHITECTURES:
        return {}
    column = _ARCHITECTURES[platform.machine()][0]
    return {name: numbers[column] for name, numbers in {**_FORBIDDEN, "clone3": _CLONE3}.items()}


def filter_program(machine: str = "") -> bytes:
    """Return the filter of system calls for this processor, as the kernel (and bubblewrap's ``--seccomp``) reads it.

    Examples
    --------
    >>> len(filter_program("x86_64")) % 8, filter_program("abacus")
    (0, b'')
    """
    if (machine or platform.machine()) not in _ARCHITECTURES:
        return b""
    column, architecture = _ARCHITECTURES[machine or platform.machine()]
    lines = [
        (_LOAD, 0, 0, _WHICH_MACHINE),
        (_EQUAL, 1, 0, architecture),
        (_ANSWER, 0, 0, _KILL),
        (_LOAD, 0, 0, _WHICH_CALL),
    ]
    if column == 0:
        lines += [(_AT_LEAST, 0, 1, 0x40000000), (_ANSWER, 0, 0, _KILL)]  # x32's numbers would go round the table
    for numbers in _FORBIDDEN.values():
        lines += [(_EQUAL, 0, 1, numbers[column]), (_ANSWER, 0, 0, _REFUSE)]
    # clone3 keeps its flags in memory, where no filter can look: without it the C library takes clone.
    lines += [(_EQUAL, 0, 1, _CLONE3[column]), (_ANSWER, 0, 0, _NO_SUCH_CALL)]
    lines += [
        (_EQUAL, 0, 4, _CLONE[column]), (_LOAD, 0, 0, _FIRST_ARGUMENT), (_ANY_BIT, 0, 1, _NEWUSER | _NEWNS),
        (_ANSWER, 0, 0, _REFUSE), (_ANSWER, 0, 0, _ALLOW),
        (_EQUAL, 0, 9, _SOCKET[column]), (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_EQUAL, 5, 0, _UNIX), (_EQUAL, 4, 0, _INET), (_EQUAL, 3, 0, _INET6),
        (_EQUAL, 0, 3, _NETLINK), (_LOAD, 0, 0, _THIRD_ARGUMENT), (_EQUAL, 0, 1, _ROUTE),  # ZeroMQ lists addresses
        (_ANSWER, 0, 0, _ALLOW), (_ANSWER, 0, 0, _NO_SUCH_FAMILY),
        (_ANSWER, 0, 0, _ALLOW),
    ]  # fmt: skip
    return b"".join(struct.pack("HBBI", *line) for line in lines)


def _drop_capabilities() -> None:
    """Empty the effective, permitted and inheritable sets; the ambient set follows."""
    header = struct.pack("Ii", 0x20080522, 0)
    _call("capset", ctypes.c_char_p(header), ctypes.c_char_p(bytes(24)))


def _mount(source: str, target: str, kind: str | None, flags: int, options: str = "") -> None:
    words = [None if word is None else word.encode() for word in (source, target, kind)]
    _call("mount", *words, ctypes.c_ulong(flags), options.encode() or None)


def _prctl(option: int, *values: object) -> None:
    _call("prctl", option, *values, *[0] * (4 - len(values)))


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


def _call(name: str, *arguments: object) -> None:
    if getattr(_libc(), name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
