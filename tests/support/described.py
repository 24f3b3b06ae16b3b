"""Core modules that describe their world, as generators of bindings write it: without any of their tools.

    wasm = described.module(whorl.guest("settings").read_bytes(), "settings", described.config(), "wit-bindgen-c", "0.30.0")
"""

STRING = 0x73
NO_NAME_KIND = 0x00  # of an import's or export's name: nothing more is said of it
FUNC, TYPE, COMPONENT, INSTANCE = 0x01, 0x03, 0x04, 0x05


def number(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def name(text):
    return number(len(text.encode())) + text.encode()


def vector(items):
    return number(len(items)) + b"".join(items)


def section(kind, content):
    return bytes([kind]) + number(len(content)) + content


def custom(title, content):
    return section(0, name(title) + content)


def producers(tool, version):
    return custom("producers", vector([name("processed-by") + vector([name(tool) + name(version)])]))


def exported(title, *what):
    return b"\x04\x00" + name(title) + bytes(what)


def config():
    """The type of the interface fermyon:spin/config."""
    cases = [name(each) + bytes([1, STRING, 0]) for each in ("provider", "invalid-key", "invalid-schema", "other")]
    return b"\x42" + vector([
        b"\x01\x71" + vector(cases),
        exported("error", TYPE, 0, 0),
        bytes([1, 0x6A, 1, STRING, 1, 1]),  # type 2: result<string, error>
        b"\x01\x40" + vector([name("key") + bytes([STRING])]) + b"\x00\x02",
        exported("get-config", FUNC, 3),
    ])


def module(wasm, interface, of_type, tool, version):
    """@param interface  what it exports, `of_type`; tool, version: what made its bindings"""
    world = b"\x41" + vector([b"\x01" + of_type, exported(interface, INSTANCE, 0)])
    package = b"\x41" + vector([b"\x01" + world, exported("test:guests/guest", COMPONENT, 0)])
    description = (b"\0asm\x0d\0\x01\0" + custom("wit-component-encoding", b"\x04\x00") + section(7, vector([package])) +
                   section(11, vector([b"\x00" + name("guest") + b"\x03\x00\x00"])) + producers(tool, version))
    return wasm + custom(f"component-type:{tool}:guest", description)
