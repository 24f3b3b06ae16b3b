"""What a loss of power, a full disk and a broken one do to the files of the program under test.

    log = disk.Log(folder)                         # a folder whose writes are recorded
    with whorl.Server.start(…, env=log.env()): …; log.acknowledge("k=v")
    for state in disk.crashes(log, seed, most=500): state.write_to(other_folder)

`kill -9` leaves the kernel's cache as it was, so it says nothing about syncs. Here every write, truncation, sync and
change of a folder is recorded (disk_shim.c, preloaded), and the disks that could have been left are made from
each beginning of the record: what was synced is there; of the rest any part may be missing, in sectors of 512
bytes; of what was done to a folder since it was synced, any beginning has happened.

    trouble = disk.Trouble(folder)                 # a folder on a disk that can be made to fail
    with whorl.Server.start(…, env=trouble.env()): trouble.be("full"); …; trouble.be("none")
"""

from __future__ import annotations

import collections
import dataclasses
import os
import pathlib
import random
import struct
import subprocess
import tempfile
import typing

SHIM = pathlib.Path(__file__).with_name("disk_shim.c")
SECTOR = 512
HEADER = struct.Struct("=IIQQ")
CREATE, WRITE, TRUNCATE, SYNC, SYNCED, RENAME, UNLINK, MAKE_FOLDER, FOLDER_SYNC, FOLDER_SYNCED, ACKNOWLEDGED = range(1, 12)
TROUBLES = ("none", "full", "short", "broken", "sync broken", "stutter")

_built = tempfile.TemporaryDirectory(prefix="whorl-disk-")


def shim() -> pathlib.Path:
    """The library, compiled once for each run."""
    target = pathlib.Path(_built.name) / "disk_shim.so"
    if not target.exists():
        compiler = os.environ.get("WHORL_CLANG", "clang-19")
        subprocess.run([compiler, "-std=c17", "-O1", "-Wall", "-shared", "-fPIC", SHIM, "-o", target, "-ldl"], check=True)
    return target


class Trouble:
    """A folder whose disk fails on demand."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self._control = tempfile.NamedTemporaryFile(prefix="whorl-trouble-")
        self.be("none")

    def env(self) -> dict[str, str]:
        return {"LD_PRELOAD": str(shim()), "WHORL_DISK_ROOT": str(self.folder), "WHORL_DISK_TROUBLE": self._control.name}

    def be(self, trouble: str) -> None:
        """From now on, for every call that has not begun."""
        os.pwrite(self._control.fileno(), bytes([TROUBLES.index(trouble)]), 0)


@dataclasses.dataclass
class Record:
    kind: int
    inode: int
    offset: int
    data: bytes


class Log:
    """The record of what happens below a folder. Of what is in it before, the folders count, and not the files."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.folders = [str(path) for path in folder.rglob("*") if path.is_dir()]
        self._file = tempfile.NamedTemporaryFile(prefix="whorl-disk-log-")
        self._append = open(self._file.name, "ab", buffering=0)

    def env(self) -> dict[str, str]:
        return {"LD_PRELOAD": str(shim()), "WHORL_DISK_ROOT": str(self.folder), "WHORL_DISK_LOG": self._file.name}

    def acknowledge(self, what: str) -> None:
        """Says that somebody has been told that this is safe."""
        data = what.encode()
        self._append.write(HEADER.pack(ACKNOWLEDGED, len(data), 0, 0) + data)

    def records(self) -> list[Record]:
        found, at = [], 0
        data = pathlib.Path(self._file.name).read_bytes()
        while at + HEADER.size <= len(data):
            kind, size, inode, offset = HEADER.unpack_from(data, at)
            at += HEADER.size
            found.append(Record(kind, inode, offset, data[at:at + size]))
            at += size
        return found


@dataclasses.dataclass
class Change:
    """A write, or with data None a truncation, that may or may not be on the disk."""

    number: int
    offset: int
    data: bytes | None

    def apply(self, content: bytearray) -> None:
        if self.data is None:
            del content[self.offset:]
            content.extend(bytes(self.offset - len(content)))
            return
        end = self.offset + len(self.data)
        content.extend(bytes(max(0, end - len(content))))
        content[self.offset:end] = self.data

    def torn(self, chance: random.Random) -> typing.Iterator[Change]:
        """Some of its sectors."""
        if self.data is None:
            if chance.random() < 0.5:
                yield self
            return
        at = 0
        while at < len(self.data):
            size = SECTOR - (self.offset + at) % SECTOR
            if chance.random() < 0.5:
                yield Change(self.number, self.offset + at, self.data[at:at + size])
            at += size


@dataclasses.dataclass
class File:
    safe: bytearray = dataclasses.field(default_factory=bytearray)
    pending: list[Change] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class State:
    """What a disk holds after the power came back: contents by path."""

    at: str
    files: dict[str, bytes]
    acknowledged: list[str]

    def write_to(self, folder: pathlib.Path) -> None:
        for name, content in self.files.items():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)


class Disk:
    """What is on the disk for sure, and what may be, after some of the records."""

    def __init__(self, log: Log, *, syncs_count: bool = True) -> None:
        self.folder = str(log.folder)
        self.syncs_count = syncs_count
        self.acknowledged: list[str] = []
        self._number = 0
        self._files: dict[int, File] = collections.defaultdict(File)
        self._names = dict.fromkeys(log.folders, 0)  # safe: path → file; folders are 0
        self._pending: dict[str, list[tuple[int, Record]]] = collections.defaultdict(list)  # by folder
        self._syncs: dict[int, int] = {}

    def feed(self, record: Record) -> None:
        self._number += 1
        if record.kind == ACKNOWLEDGED:
            self.acknowledged.append(record.data.decode())
        elif record.kind == WRITE:
            self._files[record.inode].pending.append(Change(self._number, record.offset, record.data))
        elif record.kind == TRUNCATE:
            self._files[record.inode].pending.append(Change(self._number, record.offset, None))
        elif record.kind in (SYNC, FOLDER_SYNC):
            self._syncs[record.offset] = self._number
        elif not self.syncs_count and record.kind in (SYNCED, FOLDER_SYNCED):
            return
        elif record.kind == SYNCED:
            file, before = self._files[record.inode], self._syncs.pop(record.offset)
            for change in file.pending:
                if change.number < before:
                    change.apply(file.safe)
            file.pending = [change for change in file.pending if change.number > before]
        elif record.kind == FOLDER_SYNCED:
            folder, before = record.data.decode(), self._syncs.pop(record.offset)
            for number, step in self._pending[folder]:
                if number < before:
                    self._step(self._names, step)
            self._pending[folder] = [one for one in self._pending[folder] if one[0] > before]
        else:
            if record.kind == CREATE:
                self._files[record.inode] = File()  # numbers of files that are gone are given again
            path = record.data.split(b"\0")[0].decode()
            self._pending[os.path.dirname(path)].append((self._number, record))

    @staticmethod
    def _step(names: dict[str, int], record: Record) -> None:
        paths = [part.decode() for part in record.data.split(b"\0")]
        if record.kind in (CREATE, MAKE_FOLDER):
            names[paths[0]] = record.inode
        elif record.kind == UNLINK:
            names.pop(paths[0], None)
        elif paths[0] in names:
            names[paths[1]] = names.pop(paths[0])

    def _is_reachable(self, path: str, names: dict[str, int]) -> bool:
        """In a folder that is not there, nothing is; the root has been there before."""
        folder = os.path.dirname(path)
        return folder == self.folder or (folder in names and self._is_reachable(folder, names))

    def state(self, at: str, how: str, chance: random.Random) -> State:
        """@param how  "all" that was written has reached the disk, "synced" only, or "torn": by chance"""
        names = dict(self._names)
        for steps in self._pending.values():
            count = {"all": len(steps), "synced": 0}.get(how, chance.randint(0, len(steps)))
            for _, step in steps[:count]:
                self._step(names, step)
        contents = {}
        for path, inode in names.items():
            if inode == 0 or not self._is_reachable(path, names):
                continue
            file = self._files[inode]
            content = bytearray(file.safe)
            for change in file.pending if how != "synced" else ():
                for part in change.torn(chance) if how == "torn" else (change,):
                    part.apply(content)
            contents[os.path.relpath(path, self.folder)] = bytes(content)
        return State(f"{how} at {at}", contents, list(self.acknowledged))


def crashes(
    log: Log, seed: int, *, most: int, torn: int = 3, syncs_count: bool = True
) -> typing.Iterator[State]:
    """The disks that a loss of power after each record may leave; not more than about `most` of them, spread by chance."""
    chance = random.Random(seed)
    records = log.records()
    disk = Disk(log, syncs_count=syncs_count)
    share = min(1.0, most / max(1, len(records) * (2 + torn)))
    for number, record in enumerate(records):
        disk.feed(record)
        if record.kind == ACKNOWLEDGED and share < 1 and number + 1 < len(records):
            continue  # nothing has changed on the disk; the next record's state knows of it
        for how in ("all", "synced", *["torn"] * torn):
            if chance.random() < share:
                yield disk.state(f"record {number + 1} of {len(records)}, seed {seed}", how, chance)
