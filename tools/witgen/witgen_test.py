"""Tests of name look-up and of the C++ that comes out."""

import importlib.util
import os
import tempfile
import unittest

from model import InterfaceId, PackageId, WitError
from names import constant, pascal, snake, stem

_HERE = os.path.dirname(os.path.abspath(__file__))
_SPEC = importlib.util.spec_from_file_location("witgen", os.path.join(_HERE, "__main__.py"))
witgen = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(witgen)


def generate(files: dict[str, str], interfaces: list[str], features=(), suffixes=()) -> dict:
    """Generates from a WIT folder with these files."""
    with tempfile.TemporaryDirectory() as folder:
        wit = os.path.join(folder, "wit")
        for path, text in files.items():
            full = os.path.join(wit, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "w", encoding="utf-8") as file:
                file.write(text)
        return witgen.generate(wit, interfaces, list(features), list(suffixes))


def header(body: str) -> str:
    """The header of an interface `t:p/i` with that body."""
    text = "package t:p;\ninterface i {\n" + body + "\n}"
    return generate({"t/p/i.wit": text}, ["t:p/i"])["t_p_i.hpp"]


def declarations(body: str) -> list[str]:
    """The pure virtual functions, without what they all have."""
    lines = [line.strip() for line in header(body).splitlines() if line.endswith("= 0;")]
    return [
        line.removeprefix("[[nodiscard]] virtual component::HostResult")
        .removesuffix(" = 0;")
        .replace("component::", "")
        .replace("Call& call, ", "")
        for line in lines
    ]


class Names(unittest.TestCase):
    def test_spellings(self):
        self.assertEqual(snake("DNS-error"), "dns_error")
        self.assertEqual(snake("delete"), "delete_")
        self.assertEqual(snake("stdin"), "stdin_")
        self.assertEqual(snake("tag", frozenset(["tag"])), "tag_")
        self.assertEqual(pascal("HTTP-request-URI-too-long"), "HttpRequestUriTooLong")
        self.assertEqual(pascal("ipv4-address"), "Ipv4Address")
        self.assertEqual(constant("no-follow"), "kNoFollow")
        id = InterfaceId(PackageId("fermyon", "spin-redis", "2.0.0"), "in-bound")
        self.assertEqual(stem(id), "fermyon_spin_redis_in_bound")
        self.assertEqual(stem(id, "v2"), "fermyon_spin_redis_in_bound_v2")


class Functions(unittest.TestCase):
    def test_parameters_are_views_and_results_are_owned(self):
        body = """
            type key = string;
            type blob = list<u8>;
            type count = u32;
            record r { text: string }
            resource file;
            a: func(k: key, b: blob, n: count) -> blob;
            b: func(l: list<tuple<key, blob>>) -> list<tuple<key, blob>>;
            c: func(o: option<string>, p: option<list<blob>>, q: result<string, u8>);
            d: func(r: r, l: list<r>, n: list<u32>) -> result<_, r>;
            e: func() -> result;
            f: func() -> result<string>;
            g: func(f: file, b: borrow<file>, o: option<file>, p: option<borrow<file>>) -> file;
            h: func(l: list<borrow<file>>, m: list<file>) -> option<file>;
            i: func(delete: u8, call: char) -> tuple<s8, f64, bool>;
        """
        self.assertEqual(
            declarations(body),
            [
                "<Blob> a(std::string_view k, ByteView b, Count n)",
                "<std::vector<std::tuple<Key, Blob>>>"
                " b(std::vector<std::tuple<std::string_view, ByteView>> l)",
                "<> c(std::optional<std::string_view> o, std::optional<std::vector<ByteView>> p,"
                " std::expected<std::string_view, std::uint8_t> q)",
                "<std::expected<void, R>> d(R r, std::vector<R> l, std::vector<std::uint32_t> n)",
                "<std::expected<void, Unit>> e(Call& call)",
                "<std::expected<std::string, Unit>> f(Call& call)",
                "<Own<File>> g(Own<File> f, File& b, std::optional<Own<File>> o, File* p)",
                "<std::optional<Own<File>>> h(std::vector<File*> l, std::vector<Own<File>> m)",
                "<std::tuple<std::int8_t, double, bool>> i(std::uint8_t delete_, char32_t call_)",
            ],
        )

    def test_constructors_and_statics_belong_to_the_host(self):
        body = """
            resource fields {
              constructor();
              from-list: static func(l: list<string>) -> result<fields>;
              get: func(name: string) -> string;
            }
            free: func();
        """
        self.assertEqual(
            declarations(body),
            [
                "<std::string> get(std::string_view name)",
                "<Own<Fields>> fields_new(Call& call)",
                "<std::expected<Own<Fields>, Unit>>"
                " fields_from_list(std::vector<std::string_view> l)",
                "<> free(Call& call)",
            ],
        )


class ValueTypes(unittest.TestCase):
    def test_record_enum_flags(self):
        text = header(
            """
            record later { first: sooner, when: option<u64> }
            enum sooner { HTTP, not-yet }
            flags access { read, no-follow }
            """
        )
        self.assertLess(text.index("enum class Sooner"), text.index("struct Later"))
        self.assertIn("enum class Sooner : std::uint8_t {\n  Http,\n  NotYet,\n};", text)
        self.assertIn("  Sooner first{};\n  std::optional<std::uint64_t> when{};\n", text)
        self.assertIn("static constexpr std::uint32_t kNoFollow = 1u << 1;", text)
        self.assertIn("bool operator==(const Later&) const = default;", text)

    def test_a_variant_holds_each_payload_type_once(self):
        text = header(
            "type name = string;\nvariant v { a(string), b(name), c(u8), delete, tag(option<u8>) }"
        )
        self.assertIn(
            "std::variant<std::monostate, std::string, std::uint8_t, std::optional<std::uint8_t>>"
            " payload;",
            text,
        )
        for factory in ("a(std::string value)", "b(Name value)", "delete_()", "tag_("):
            self.assertIn(f"static V {factory}", text)

    def test_what_holds_resources_has_no_equality(self):
        text = header("resource r;\nvariant v { a(r), b }\nrecord w { v: v, n: u8 }\nrecord x { n: u8 }")
        self.assertNotIn("operator==(const V&)", text)
        self.assertNotIn("operator==(const W&)", text)
        self.assertIn("operator==(const X&)", text)

    def test_a_wide_enum_has_a_wide_type(self):
        labels = ", ".join(f"l{i}" for i in range(257))
        self.assertIn("enum class E : std::uint16_t", header(f"enum e {{ {labels} }}"))


class Packages(unittest.TestCase):
    FILES = {
        "t/p@1.0.0/a.wit": "package t:p@1.0.0;\ninterface a { resource r; type n = string;"
        " record q { n: n } @unstable(feature = odd) type gone = u8; }",
        "t/p@1.0.0/b.wit": "package t:p@1.0.0;\ninterface b { use a.{r as s, n}; f: func(s: s, n: n); }",
        "t/u/c.wit": "package t:u;\ninterface c { use t:p/b@1.0.0.{s};"
        " use t:p/a@1.0.0.{q}; f: func(s: borrow<s>) -> q; }",
        "t/p@2.0.0/a.wit": "package t:p@2.0.0;\ninterface a { f: func(); }",
    }

    def test_uses_become_aliases(self):
        files = generate(self.FILES, ["t:p/a@1.0.0", "t:p/b@1.0.0", "t:u/c"])
        self.assertIn('#include "wit/t_p_a.hpp"', files["t_p_b.hpp"])
        self.assertIn("using S = t_p_a::R;\nusing N = t_p_a::N;", files["t_p_b.hpp"])
        self.assertIn("f(component::Call& call, component::Own<S> s, std::string_view n)", files["t_p_b.hpp"])
        self.assertIn("using S = t_p_b::S;", files["t_u_c.hpp"])
        self.assertIn("HostResult<Q> f(component::Call& call, S& s)", files["t_u_c.hpp"])

    def test_source_tables(self):
        files = generate(self.FILES, ["t:u/c", "t:p/a@1.0.0"])
        self.assertIn('kParams0 = {"s"};', files["t_u_c.cpp"])
        self.assertIn('component::host_function<&Host::f, kParams0>("f"),', files["t_u_c.cpp"])
        self.assertIn('R::kTag{"t:p/a", "r"};', files["t_p_a.cpp"])
        self.assertIn(
            'kInterface{\n    "t:p/a",\n    "1.0.0",\n    {},\n    kResources}', files["t_p_a.cpp"]
        )
        self.assertIn(
            ": RecordAbi<wit::t_p_a::Q, kLabels_t_p_a_q, &wit::t_p_a::Q::n> {};",
            files["t_p_a_abi.hpp"],
        )

    def test_unstable_items_need_their_feature(self):
        self.assertNotIn("Gone", generate(self.FILES, ["t:p/a@1.0.0"])["t_p_a.hpp"])
        with_feature = generate(self.FILES, ["t:p/a@1.0.0"], features=["odd"])
        self.assertIn("using Gone = std::uint8_t;", with_feature["t_p_a.hpp"])

    def test_two_versions_need_a_suffix(self):
        both = ["t:p/a@1.0.0", "t:p/a@2.0.0"]
        with self.assertRaisesRegex(WitError, "called t_p_a already"):
            generate(self.FILES, both)
        files = generate(self.FILES, both, suffixes=["t:p@2.0.0=v2"])
        self.assertIn("namespace whorl::wit::t_p_a_v2 {", files["t_p_a_v2.hpp"])

    def test_async_functions_own_their_parameters(self):
        body = """
            resource r { go: async func(path: string, other: borrow<r>) -> list<u8>; }
            f: func(path: string);
            g: async func(all: list<list<u8>>, from: option<borrow<r>>);
        """
        self.assertEqual(
            declarations(body),
            [
                "<Bytes> go(std::string path, R& other)",
                "<> f(std::string_view path)",
                "<> g(std::vector<Bytes> all, R* from)",
            ],
        )
        text = "package t:p;\ninterface i {\n" + body + "\n}"
        source = generate({"t/p/i.wit": text}, ["t:p/i"])["t_p_i.cpp"]
        self.assertIn('async_host_function<&R::go, kParams0>("[method]r.go")', source)
        self.assertIn("component::host_function<&Host::f", source)
        self.assertIn('#include "component/async_host.hpp"', source)

    def test_streams_and_futures(self):
        body = """
            resource r;
            f: func(s: stream<u8>) -> future<result<_, string>>;
            g: func(s: option<stream>) -> tuple<stream<r>, future<list<string>>>;
        """
        self.assertEqual(
            declarations(body),
            [
                "<FutureReader<std::expected<void, std::string>>> f(StreamReader<std::uint8_t> s)",
                "<std::tuple<StreamReader<Own<R>>, FutureReader<std::vector<std::string>>>> "
                "g(std::optional<StreamReader<void>> s)",
            ],
        )
        self.assertIn('#include "component/stream.hpp"', header(body))

    def test_mistakes(self):
        table = {
            "f: func(x: missing);": "'missing' is not defined in t:p/i",
            "type a = b;\ntype b = a;": "contains itself",
            "use t:other/i.{x};": "package t:other is not under",
            "use nowhere.{x};": "package t:p has no interface 'nowhere'",
            "f: func(s: map<u8, u8>);": "unsupported type: map",
            "f: func(s: stream<error-context>);": "unsupported type: error-context",
            "resource r;\nf: func(x: list<option<borrow<r>>>);": "option<borrow> is supported only",
            "record a { x-y: u8, x-Y: u8 }": "'x_y' would be declared twice",
            "enum host { a }": "'host' and 'Host' are alike",
            "f: func(x: borrow<a>);\ntype a = u8;": "'a' is not a resource",
        }
        for body, message in table.items():
            with self.subTest(body), self.assertRaisesRegex(WitError, message):
                header(body)


if __name__ == "__main__":
    unittest.main()
