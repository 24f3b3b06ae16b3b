"""Scripts of the guest tests/guests/p3/c/script3.c: steps, the expressions in them, and both as text for a path."""

from __future__ import annotations

import dataclasses

@dataclasses.dataclass(frozen=True)
class Label:
    """A place in the script, known when it is put together."""

    number: int


@dataclasses.dataclass(frozen=True)
class Text:
    """A place among the texts behind the steps."""

    offset: int


@dataclasses.dataclass
class Expression:
    pieces: tuple  # bytes, Label, Text

    @property
    def required(self) -> Expression:
        """The step is left out when this is no handle."""
        return Expression((bytes([self.pieces[0][0] | 0x80]) + self.pieces[0][1:], *self.pieces[1:]))

    @property
    def idle(self) -> Expression:
        """It is also left out when this is an end that is being copied."""
        return Expression((bytes([self.pieces[0][0] | 0xC0]) + self.pieces[0][1:], *self.pieces[1:]))


@dataclasses.dataclass
class Operation:
    pieces: list
    says: str
    label: int | None = None


@dataclasses.dataclass
class Script:
    operations: list[Operation]
    texts: bytes

    def encode(self) -> str:
        size = sum(self._size(each) for each in self.operations)
        places, at = {}, 0
        for each in self.operations:
            if each.label is not None:
                places[each.label] = at
            at += self._size(each)
        out = bytearray()
        for each in self.operations:
            for piece in each.pieces:
                if isinstance(piece, Label):
                    out += places.get(piece.number, size).to_bytes(2, "little")
                elif isinstance(piece, Text):
                    out += (size + piece.offset).to_bytes(2, "little")
                else:
                    out += piece
        return bytes(out + self.texts).hex()

    @staticmethod
    def _size(operation: Operation) -> int:
        return sum(len(piece) if isinstance(piece, bytes) else 2 for piece in operation.pieces)

    def describe(self) -> str:
        return "\n".join(each.says for each in self.operations)


def number(value: int) -> Expression:
    low = value & 0xFFFF_FFFF
    if value in (low, low - (1 << 32)) and (low < 1 << 31) == (value >= 0):
        return Expression((b"\0" + low.to_bytes(4, "little"),))
    return Expression((b"\1" + (value & (1 << 64) - 1).to_bytes(8, "little"),))


def of_step(kind: int, step: int, *more: int) -> Expression:
    return Expression((bytes([kind, min(step, 255), *more]),))


def in_scratch(offset: int) -> Expression:
    return Expression((b"\x08" + offset.to_bytes(2, "little"),))


NOTHING = of_step(2, 255).required
REQUEST = Expression((b"\x0a",))
THREAD_FUNCTION = Expression((b"\x0b",))
