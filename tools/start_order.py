#!/usr/bin/python3
"""Which functions a start of the program enters until its first answer, in their order.

    tools/start_order.py PROGRAM APP >ORDER

A start enters four thousand functions, once or twice each, that the linker has put anywhere in 22 MB: each new page of
them is a fault. The linker puts those of the list side by side (-DWHORL_START_ORDER=ORDER, docs/adr/0053).

PROGRAM is one with symbols. It is run with APP, a folder or a manifest with a component that answers `GET /`, until it has answered
once. It is run as by a debugger: the first byte of every function is a breakpoint, which is taken away when it is reached. That
works for the engine's functions too, which another compiler made, and costs less than a second.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time

TIMEOUT_S = 60
BREAKPOINT = 0xCC
TRACE_ME, CONTINUE, GET_REGISTERS, SET_REGISTERS, SET_OPTIONS = 0, 7, 12, 13, 0x4200
OPTION_CLONE, OPTION_EXIT_KILL = 1 << 3, 1 << 20
ALL_THREADS = 0x40000000  # __WALL: also threads that others have made
REGISTERS, INSTRUCTION_POINTER = 27, 16  # of struct user_regs_struct, in words

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long


def ptrace(request: int, thread: int, address: int = 0, data: object = None) -> None:
    if libc.ptrace(request, thread, address, data) == -1:
        raise OSError(ctypes.get_errno(), f"ptrace({request})")


def functions_of(program: pathlib.Path) -> dict[int, list[str]]:
    """Names of the functions in the program's text, by address in the file's numbering."""
    listing = subprocess.run(["readelf", "--wide", "--syms", str(program)], check=True, capture_output=True, text=True).stdout
    found: dict[int, list[str]] = {}
    for line in listing.splitlines():
        part = line.split()
        if len(part) == 8 and part[3] == "FUNC" and part[6].isdigit() and int(part[2], 0) > 0:
            found.setdefault(int(part[1], 16), []).append(part[7])
    if not found:
        sys.exit(f"Error: {program} has no symbols\n\nHelp: name the program in build/release/apps/whorl, not the stripped one")
    return found


def base_of(pid: int, program: pathlib.Path) -> int:
    """Where the program was loaded."""
    for line in pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines():
        if line.endswith(str(program)):
            return int(line.split("-")[0], 16) - int(line.split()[2], 16)
    raise RuntimeError(f"{program} is not mapped")


class Traced:
    """A program whose functions say once that they were entered."""

    def __init__(self, arguments: list[str], functions: dict[int, list[str]]) -> None:
        self.order: list[int] = []
        self.is_recording = True
        program = pathlib.Path(arguments[0])
        self.pid = os.fork()
        if self.pid == 0:
            try:
                nothing = os.open(os.devnull, os.O_RDWR)
                for descriptor in (0, 1, 2):
                    os.dup2(nothing, descriptor)
                ptrace(TRACE_ME, 0)
                os.execv(program, arguments)
            finally:
                os._exit(127)
        if not os.WIFSTOPPED(os.waitpid(self.pid, 0)[1]):
            sys.exit(f"Error: {program} can't be run under ptrace()")
        ptrace(SET_OPTIONS, self.pid, 0, OPTION_CLONE | OPTION_EXIT_KILL)
        self.base = base_of(self.pid, program)
        self.memory = os.open(f"/proc/{self.pid}/mem", os.O_RDWR)
        self.functions = functions
        self.original: dict[int, bytes] = {}
        for address in functions:
            self.original[address] = os.pread(self.memory, 1, self.base + address)
            os.pwrite(self.memory, bytes([BREAKPOINT]), self.base + address)
        self.waiting = set(functions)

    def on_breakpoint(self, thread: int) -> bool:
        """Lets the thread go on where it is. @return whether it was one of ours"""
        registers = (ctypes.c_ulonglong * REGISTERS)()
        ptrace(GET_REGISTERS, thread, 0, registers)
        address = registers[INSTRUCTION_POINTER] - 1 - self.base
        if address not in self.functions:
            return False
        if address in self.waiting:  # else two threads were there at once
            self.waiting.remove(address)
            os.pwrite(self.memory, self.original[address], self.base + address)
            if self.is_recording:
                self.order.append(address)
        registers[INSTRUCTION_POINTER] -= 1
        ptrace(SET_REGISTERS, thread, 0, registers)
        return True

    def run(self) -> int:
        """Until the program's end. @return its exit code"""
        ptrace(CONTINUE, self.pid)
        while True:
            thread, status = os.waitpid(-1, ALL_THREADS)
            if os.WIFEXITED(status) or os.WIFSIGNALED(status):
                if thread == self.pid:
                    return os.waitstatus_to_exitcode(status)
                continue
            number = os.WSTOPSIG(status)
            is_event = status >> 16 != 0
            if is_event or number == signal.SIGSTOP or (number == signal.SIGTRAP and self.on_breakpoint(thread)):
                number = 0
            try:
                ptrace(CONTINUE, thread, 0, number)
            except ProcessLookupError:
                pass  # it has ended meanwhile


def ask_once(port: int, traced: Traced, answers: list[bytes]) -> None:
    """The one client: connects, asks, and ends the program."""
    deadline = time.monotonic() + TIMEOUT_S
    while traced.is_recording and time.monotonic() < deadline:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S) as link:
                link.sendall(b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
                with link.makefile("rb") as answer:
                    answers.append(answer.readline(64))  # the status line, in however many pieces it comes
                break
        except OSError:
            time.sleep(0.01)
    if traced.is_recording:
        traced.is_recording = False
        os.kill(traced.pid, signal.SIGTERM)


def trace(arguments: list[str], port: int, functions: dict[int, list[str]]) -> list[int]:
    """One start. @return addresses of the functions that it entered, in their order"""
    traced = Traced(arguments, functions)
    answers: list[bytes] = []
    client = threading.Thread(target=ask_once, args=(port, traced, answers), daemon=True)
    client.start()
    code = traced.run()
    traced.is_recording = False
    client.join()
    if not answers or not answers[0].startswith(b"HTTP/1.1 200"):
        sys.exit(f"Error: the program ended with {code} and answered {answers[0] if answers else 'nothing'}")
    return traced.order


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("app", type=pathlib.Path)
    options = parser.parse_args()
    program = options.program.resolve()
    port = free_port()
    arguments = [str(program), "up", "-f", str(options.app.resolve()), "--listen", f"127.0.0.1:{port}", "--quiet"]
    functions = functions_of(program)
    order: list[int] = []
    for _ in range(2):  # the first one compiles, which no later start does
        order = trace(arguments, port, functions)
    names = [name for address in order for name in functions[address] if "@" not in name]
    print("\n".join(dict.fromkeys(names)))
    print(f"{len(order)} functions of a start", file=sys.stderr)


if __name__ == "__main__":
    main()
