"""Tokens of WIT."""

from __future__ import annotations

import re
from dataclasses import dataclass

from model import Where, WitError

_SKIP = re.compile(r"(?:\s+|//[^\n]*)")
_IDENT = re.compile(r"%?[a-zA-Z][a-zA-Z0-9]*(?:-[a-zA-Z0-9]+)*")
_SEMVER = re.compile(
    r"[0-9]+\.[0-9]+\.[0-9]+"
    r"(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
    r"(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
)
_INTEGER = re.compile(r"[0-9]+")
_PUNCT = ("->", "{", "}", "(", ")", "<", ">", ",", ";", ":", "=", ".", "/", "@", "*", "_")


@dataclass(frozen=True)
class Token:
    kind: str  # "id", "punct", "version", "integer" or "end"
    text: str  # of an id: without a leading %
    where: Where
    escaped: bool = False  # the id was written with %, so it is no keyword


def tokenize(text: str, file: str) -> list[Token]:
    """All tokens of a file, with one "end" token at the end."""
    tokens: list[Token] = []
    pos, line, line_start = 0, 1, 0

    def advance(end: int) -> None:
        nonlocal pos, line, line_start
        newlines = text.count("\n", pos, end)
        if newlines:
            line += newlines
            line_start = text.rfind("\n", pos, end) + 1
        pos = end

    while True:
        where = Where(file, line, pos - line_start + 1)
        if pos == len(text):
            tokens.append(Token("end", "", where))
            return tokens
        if match := _SKIP.match(text, pos):
            advance(match.end())
        elif text.startswith("/*", pos):
            advance(_block_comment_end(text, pos, where))
        elif match := _IDENT.match(text, pos):
            word = match.group()
            tokens.append(Token("id", word.lstrip("%"), where, word.startswith("%")))
            advance(match.end())
        elif match := _SEMVER.match(text, pos):
            tokens.append(Token("version", match.group(), where))
            advance(match.end())
        elif match := _INTEGER.match(text, pos):
            tokens.append(Token("integer", match.group(), where))
            advance(match.end())
        elif punct := next((p for p in _PUNCT if text.startswith(p, pos)), None):
            tokens.append(Token("punct", punct, where))
            advance(pos + len(punct))
        else:
            raise WitError(where, f"unexpected character {text[pos]!r}")


def _block_comment_end(text: str, start: int, where: Where) -> int:
    """Block comments nest."""
    depth, pos = 1, start + 2
    while depth:
        opening, closing = text.find("/*", pos), text.find("*/", pos)
        if closing < 0:
            raise WitError(where, "this comment does not end")
        if 0 <= opening < closing:
            depth, pos = depth + 1, opening + 2
        else:
            depth, pos = depth - 1, closing + 2
    return pos
