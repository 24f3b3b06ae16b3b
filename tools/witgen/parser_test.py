"""Tests of the WIT parser."""

import unittest

from model import (
    BorrowOf,
    FutureOf,
    InterfaceId,
    ListOf,
    Named,
    OptionOf,
    OwnOf,
    PackageId,
    Prim,
    ResultOf,
    StreamOf,
    TupleOf,
    Unsupported,
    Where,
    WitError,
)
from parser import parse_file

NOWHERE = Where("", 0, 0)
PACKAGE = "package a:b@1.2.3;\n"


def interface(body: str):
    """The one interface with that body."""
    (parsed,) = parse_file(PACKAGE + "interface i {\n" + body + "\n}", "t.wit", None)
    return parsed


def type_of(text: str):
    return interface(f"type t = {text};").types[0].target


def named(name: str) -> Named:
    return Named(name, NOWHERE)


class Types(unittest.TestCase):
    def test_type_expressions(self):
        table = {
            "u8": Prim("u8"),
            "float32": Prim("f32"),
            "string": Prim("string"),
            "list<u8>": ListOf(Prim("u8")),
            "list<list<string>>": ListOf(ListOf(Prim("string"))),
            "option<some-type>": OptionOf(named("some-type")),
            "result": ResultOf(None, None),
            "result<u8>": ResultOf(Prim("u8"), None),
            "result<_, e>": ResultOf(None, named("e")),
            "result<u8, e>": ResultOf(Prim("u8"), named("e")),
            "tuple<u8, bool,>": TupleOf((Prim("u8"), Prim("bool"))),
            "own<r>": OwnOf(named("r")),
            "borrow<r>": BorrowOf(named("r")),
            "%list": named("list"),
            "stream<u8>": StreamOf(Prim("u8")),
            "stream": StreamOf(None),
            "future<result<u8, list<u8>>>": FutureOf(ResultOf(Prim("u8"), ListOf(Prim("u8")))),
            "map<string, list<u8>>": Unsupported("map", NOWHERE),
            "error-context": Unsupported("error-context", NOWHERE),
            "list<u8, 4>": Unsupported("list with a fixed length", NOWHERE),
        }
        for text, expected in table.items():
            with self.subTest(text):
                self.assertEqual(type_of(text), expected)

    def test_deep_nesting_is_refused(self):
        with self.assertRaisesRegex(WitError, "nested too deeply"):
            type_of("option<" * 200 + "u8" + ">" * 200)


class Items(unittest.TestCase):
    def test_declarations(self):
        parsed = interface(
            """
            record point { x: u32, %type: string }
            variant v { none, some(list<u8>), }
            enum e { a, B-c }
            flags f { read, write, }
            """
        )
        kinds = [(d.kind, d.name, [m.name for m in d.members]) for d in parsed.types]
        self.assertEqual(
            kinds,
            [
                ("record", "point", ["x", "type"]),
                ("variant", "v", ["none", "some"]),
                ("enum", "e", ["a", "B-c"]),
                ("flags", "f", ["read", "write"]),
            ],
        )
        self.assertIsNone(parsed.types[1].members[0].type)
        self.assertEqual(parsed.types[1].members[1].type, ListOf(Prim("u8")))

    def test_functions(self):
        parsed = interface(
            """
            now: func() -> u64;
            put: func(key: string, value: list<u8>,);
            old: func() -> (only: u8);
            wait: async func();
            %use: func();
            record: func();
            """
        )
        self.assertEqual(
            [f.name for f in parsed.functions], ["now", "put", "old", "wait", "use", "record"]
        )
        self.assertEqual(parsed.functions[0].result, Prim("u64"))
        self.assertEqual([p.name for p in parsed.functions[1].params], ["key", "value"])
        self.assertIsNone(parsed.functions[1].result)
        self.assertEqual(parsed.functions[2].result, Prim("u8"))
        self.assertTrue(parsed.functions[3].is_async)

    def test_resources(self):
        (opaque, full) = interface(
            """
            resource opaque;
            resource full {
              constructor(name: string);
              get: func() -> u8;
              make: static func() -> full;
              constructor: func();
            }
            """
        ).types
        self.assertEqual(opaque.functions, [])
        self.assertEqual(
            [(f.kind, f.name) for f in full.functions],
            [("constructor", ""), ("method", "get"), ("static", "make"), ("method", "constructor")],
        )

    def test_uses(self):
        parsed = interface(
            """
            use near.{a, b as c};
            use wasi:io/poll@0.2.0-rc-2023-11-10.{pollable};
            use plain:pkg/iface.{x,};
            """
        )
        near = InterfaceId(PackageId("a", "b", "1.2.3"), "near")
        far = InterfaceId(PackageId("wasi", "io", "0.2.0-rc-2023-11-10"), "poll")
        plain = InterfaceId(PackageId("plain", "pkg", ""), "iface")
        self.assertEqual(
            [(u.interface, u.name, u.local) for u in parsed.uses],
            [(near, "a", "a"), (near, "b", "c"), (far, "pollable", "pollable"), (plain, "x", "x")],
        )

    def test_gates(self):
        parsed = interface(
            """
            @since(version = 1.0.0)
            @deprecated(version = 1.2.0)
            a: func();
            @unstable(feature = fancy-thing)
            b: func();
            @since(version = 1.1.0, feature = was-fancy)
            resource r {
              @unstable(feature = later)
              m: func();
            }
            """
        )
        a, b = parsed.functions
        self.assertEqual((a.gate.since, a.gate.deprecated, a.gate.unstable), ("1.0.0", "1.2.0", ""))
        self.assertEqual(b.gate.unstable, "fancy-thing")
        self.assertEqual(parsed.types[0].gate.since, "1.1.0")
        self.assertEqual(parsed.types[0].functions[0].gate.unstable, "later")


class Files(unittest.TestCase):
    def test_worlds_and_comments_are_skipped(self):
        parsed = parse_file(
            """
            // a comment
            package a:b;  /* one /* inside */ another */
            use c:d/e@1.0.0 as e2;
            world w { import x: interface { f: func(); } export y; include z; }
            /// documentation
            interface i { use e2.{t}; }
            """,
            "t.wit",
            None,
        )
        self.assertEqual([str(p.id) for p in parsed], ["a:b/i"])
        self.assertEqual(str(parsed[0].uses[0].interface), "c:d/e@1.0.0")

    def test_nested_packages(self):
        parsed = parse_file(
            "package a:b@1.0.0 { interface i {} }\npackage c:d { interface j {} }", "t.wit", None
        )
        self.assertEqual([str(p.id) for p in parsed], ["a:b/i@1.0.0", "c:d/j"])

    def test_a_file_may_take_its_package_from_elsewhere(self):
        (parsed,) = parse_file("interface i {}", "t.wit", PackageId("a", "b", ""))
        self.assertEqual(str(parsed.id), "a:b/i")


class Mistakes(unittest.TestCase):
    def test_messages_name_the_place(self):
        table = {
            "interface i {}": "t.wit:1:11: this file belongs to no package",
            PACKAGE + "interface i { f: func() }": "t.wit:2:25: expected ';', found '}'",
            PACKAGE + "interface i {": "t.wit:2:14: expected an item of the interface",
            PACKAGE + "world w {": "t.wit:2:10: a closing brace is missing",
            PACKAGE + "interface i { enum e {} }": "t.wit:2:20: enum 'e' is empty",
            PACKAGE + "interface i { enum e { a, a } }": "t.wit:2:27: 'a' is here twice",
            PACKAGE + "interface i { f: func(a: ); }": "t.wit:2:26: expected a type, found '\\)'",
            PACKAGE + "interface i { f: func() -> (a: u8, b: u8); }": "only one result is supported",
            PACKAGE + "interface i { type t = list<u8, u8>; }": "expected a length",
            PACKAGE + "interface i { type t = option<u8, u8>; }": "option takes one type",
            PACKAGE + "@soon(version = 1.0.0) interface i {}": "unknown gate '@soon'",
            PACKAGE + "interface i { $ }": "t.wit:2:15: unexpected character",
            PACKAGE + "/* interface i {}": "t.wit:2:1: this comment does not end",
            PACKAGE + "function f": "expected interface, world or use, found 'function'",
        }
        for text, message in table.items():
            with self.subTest(text), self.assertRaisesRegex(WitError, message):
                parse_file(text, "t.wit", None)


if __name__ == "__main__":
    unittest.main()
