"""WIT names as C++ names."""

from __future__ import annotations

from model import InterfaceId

# Keywords, alternative tokens, and the macros of <cstdio>, <cerrno> and <cassert>.
_RESERVED = frozenset(
    """alignas alignof and and_eq asm auto bitand bitor bool break case catch char char8_t char16_t
    char32_t class compl concept const consteval constexpr constinit const_cast continue co_await
    co_return co_yield decltype default delete do double dynamic_cast else enum explicit export
    extern false float for friend goto if inline int long mutable namespace new noexcept not not_eq
    nullptr operator or or_eq private protected public register reinterpret_cast requires return
    short signed sizeof static static_assert static_cast struct switch template this thread_local
    throw true try typedef typeid typename union unsigned using virtual void volatile wchar_t while
    xor xor_eq stdin stdout stderr errno assert major minor linux unix""".split()
)


def snake(name: str, taken: frozenset[str] = frozenset()) -> str:
    """`DNS-error` -> `dns_error`; what C++ or the surrounding class has taken gets a `_`."""
    text = name.replace("-", "_").lower()
    return text + "_" if text in _RESERVED or text in taken else text


def pascal(name: str) -> str:
    """`DNS-error` -> `DnsError`."""
    return "".join(word[0].upper() + word[1:].lower() for word in name.split("-"))


def constant(name: str) -> str:
    """`file-integrity-sync` -> `kFileIntegritySync`."""
    return "k" + pascal(name)


def stem(id: InterfaceId, suffix: str = "") -> str:
    """`wasi:io/streams` -> `wasi_io_streams`: the namespace and the file name."""
    parts = (id.package.namespace, id.package.name, id.name)
    text = "_".join(part.replace("-", "_").lower() for part in parts)
    return text + (f"_{suffix}" if suffix else "")
