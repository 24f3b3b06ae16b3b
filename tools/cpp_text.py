"""Reads C++ just far enough for our checks: blanks comments and literals, lists includes."""

from __future__ import annotations

import re

_RAW = re.compile(r'(?:u8|[uUL])?R"([^\s()\\]{0,16})\(')
_INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)


def _literal_end(text: str, start: int) -> int:
    """The index after the literal that begins with the quote at `start`; a line's end closes a broken one."""
    quote, i = text[start], start + 1
    while i < len(text) and text[i] != quote and text[i] != "\n":
        i += 2 if text[i] == "\\" else 1
    return min(i + 1, len(text))


def code_only(text: str) -> str:
    """The same text with comments and the contents of literals replaced by blanks; lines keep their numbers."""
    out, i = [], 0
    while i < len(text):
        raw = _RAW.match(text, i) if text[i] in 'uULR' and not text[i - 1: i].isidentifier() else None
        if raw:
            close = text.find(f'){raw.group(1)}"', raw.end())
            end = len(text) if close < 0 else close + len(raw.group(1)) + 2
        elif text.startswith("//", i):
            end = text.find("\n", i)
            end = len(text) if end < 0 else end
        elif text.startswith("/*", i):
            close = text.find("*/", i + 2)
            end = len(text) if close < 0 else close + 2
        elif text[i] == '"' or (text[i] == "'" and not text[i - 1: i].isalnum()):
            end = _literal_end(text, i)
        else:
            out.append(text[i])
            i += 1
            continue
        out.append(_blank(text[i:end]))
        i = end
    return "".join(out)


def includes(text: str) -> list[tuple[int, str, bool]]:
    """(line, path, quoted) of every include directive that is not inside a comment."""
    code_lines = code_only(text).splitlines()
    found = []
    for match in _INCLUDE.finditer(text):
        line = text.count("\n", 0, match.start(2)) + 1
        if line <= len(code_lines) and "#" in code_lines[line - 1]:
            found.append((line, match.group(2), match.group(1) == '"'))
    return found
