"""xsavekit's view of the vector registers, inside gdb.

    (gdb) source node_modules/xsavekit/src/cli/gdb/xsavekit-gdb.py
    (gdb) xsavekit                   the selected thread
    (gdb) xsavekit ymm,zmm16-31,k    these registers of it
    (gdb) xsavekit all mxcsr         every thread
    (gdb) xsavekit zmm17 --model amd-zen-5 --format int64    options of `xsavekit inspect`

Of a core the file itself is read, with the layout that is in it. Of a running process the kernel is asked for the
area (PTRACE_GETREGSET), not gdb, which on many CPUs does not know where things are in it.
"""

import ctypes
import os
import re
import shutil
import struct
import subprocess
import tempfile

import gdb

NT_PRSTATUS = 1
NT_X86_XSTATE = 0x202
PTRACE_GETREGSET = 0x4204
LARGEST_AREA = 65536
PACKAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..")


class IoVec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


def register_set(tid, kind):
    """A register set of a thread that gdb has stopped, as the kernel gives it."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.POINTER(IoVec)]
    libc.ptrace.restype = ctypes.c_long
    buffer = ctypes.create_string_buffer(LARGEST_AREA)
    vector = IoVec(ctypes.cast(buffer, ctypes.c_void_p), LARGEST_AREA)
    if libc.ptrace(PTRACE_GETREGSET, tid, kind, ctypes.byref(vector)) != 0:
        reason = os.strerror(ctypes.get_errno())
        raise gdb.GdbError("xsavekit: no register set of thread %d: %s; is it a process of this machine?" % (tid, reason))
    return buffer.raw[: vector.length]


def note(owner, kind, contents):
    name = owner + b"\0"
    pad = lambda part: part + b"\0" * (-len(part) % 4)
    return struct.pack("<III", len(name), len(contents), kind) + pad(name) + pad(contents)


def core_of(threads):
    """A core with nothing but the threads' registers. Layout: System V gABI; struct elf_prstatus of x86-64."""
    notes = b""
    for tid in threads:
        prstatus = bytearray(336)
        struct.pack_into("<i", prstatus, 32, tid)
        notes += note(b"CORE", NT_PRSTATUS, bytes(prstatus)) + note(b"LINUX", NT_X86_XSTATE, register_set(tid, NT_X86_XSTATE))
    header = b"\x7fELF\2\1\1" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 4, 62, 1, 0, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 4, 0, 120, 0, 0, len(notes), 0, 4)
    return header + segment + notes


def core_file():
    """The core that is open, or None."""
    found = re.search(r"Local core dump file:\s+`(.*)', file type", gdb.execute("info files", to_string=True))
    return found and found.group(1)


def command():
    """How to start xsavekit: the package that this file is part of, else what is installed."""
    main = os.path.join(PACKAGE, "dist", "src", "cli", "main.js")
    if os.path.exists(main) and shutil.which("node"):
        return [shutil.which("node"), main]
    if shutil.which("xsavekit"):
        return [shutil.which("xsavekit")]
    raise gdb.GdbError("xsavekit: neither node with %s nor an xsavekit in PATH" % os.path.normpath(main))


class Xsavekit(gdb.Command):
    """Registers as xsavekit reads them: xsavekit [all] [REGISTERS] [OPTIONS].
REGISTERS such as ymm,zmm16-31,k,mxcsr; OPTIONS of `xsavekit inspect`, such as --model amd-zen-5."""

    def __init__(self):
        super(Xsavekit, self).__init__("xsavekit", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        words = gdb.string_to_argv(argument)
        first = next((at for at, word in enumerate(words) if word.startswith("--")), len(words))
        words, given = words[:first], words[first:]
        everyone = words[:1] == ["all"]
        registers = words[1:] if everyone else words
        if gdb.selected_thread() is None:
            raise gdb.GdbError("xsavekit: no thread; open a core or start the program")
        selected = gdb.selected_thread().ptid[1] or gdb.selected_thread().ptid[0]
        options = given + ([] if everyone else ["--thread", str(selected)])
        if registers:
            options += ["--registers", ",".join(registers)]
        core = core_file()
        if core:
            self.inspect(core, core, options)
            return
        threads = sorted(thread.ptid[1] for thread in gdb.selected_inferior().threads())
        with tempfile.NamedTemporaryFile(suffix=".core") as file:
            file.write(core_of(threads if everyone else [selected]))
            file.flush()
            self.inspect(file.name, "process %d" % gdb.selected_inferior().pid, options)

    def inspect(self, file, title, options):
        run = subprocess.run(command() + ["inspect", file] + options, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        gdb.write(run.stdout.decode().replace(file, title, 1))
        if run.returncode != 0:
            raise gdb.GdbError(run.stderr.decode().strip())


Xsavekit()
