"""Every world of Spin's WIT tree, and of the versions of WASI in it, links: a module that wasm-tools makes of it, with
all of its imports and exports (what is unstable in it left out), is served; who is called ends, as there is nothing behind the exports."""

import os
import pathlib
import re
import subprocess

import p3_guests
import pytest
import whorl

SUITES = pathlib.Path(os.environ.get("WHORL_SUITES") or whorl.ROOT.parent / "shared" / "suites")
TREE = SUITES / "spin" / "wit"
OURS = whorl.ROOT / "wit"
# Worlds that a server has no business with, and what is there only when asked for.
NOT_SERVED = re.compile(r"wasi:cli/command@0\.3|wasi:keyvalue/watch-service|wasi:http/(service|middleware)@0\.3|wasi:otel")
HANDLER = re.compile(r"export .*(handler|inbound-http)|include http-trigger|include redis-trigger")


def package_of(path: pathlib.Path) -> str | None:
    """The name of a package, as it is in one of its files."""
    files = sorted(path.glob("*.wit")) if path.is_dir() else [path]
    found = [re.search(r"^package ([\w:-]+)(@[^;]+)?;", file.read_text(), re.M) for file in files]
    return next((match[1] + (match[2] or "") for match in found if match), None)


def worlds() -> dict[str, str]:
    """Worlds, and what each must export besides to be served."""
    found = {}
    for path in [TREE, *sorted((TREE / "deps").iterdir())] if TREE.exists() else []:
        package, _, version = package_of(path).partition("@")
        text = "\n".join(file.read_text() for file in (path.glob("*.wit") if path.is_dir() else [path]))
        at = f"@{version}" if version else ""
        for name, body in re.findall(r"^\s*world ([\w-]+) \{(.*?)^\s*\}", text, re.M | re.S):
            found[f"{package}/{name}{at}"] = "" if HANDLER.search(body) else "export wasi:http/incoming-handler@0.2.6;"
    return {world: more for world, more in sorted(found.items()) if not NOT_SERVED.search(world)}


def embed(folder: pathlib.Path, world: str, scheme: str) -> pathlib.Path:
    tool = pathlib.Path(p3_guests.tools()) / "bin" / "wasm-tools"
    if not tool.exists():
        pytest.skip("NO TOOL: wasm-tools, see tests/guests/p3/README.md")
    (folder / "deps" / "spin-root").mkdir(parents=True)
    for path in [*TREE.glob("*.wit")]:
        (folder / "deps" / "spin-root" / path.name).write_text(path.read_text())
    for path in (TREE / "deps").iterdir():
        (folder / "deps" / path.name).symlink_to(path)
    (folder / "world.wit").write_text(
        f"package test:all;\nworld all {{\n  include {world};\n  {worlds()[world]}\n}}\n")
    core = folder / "core.wasm"
    subprocess.run([tool, "component", "embed", folder, "--world", "all", "--dummy-names", scheme, "-o", core], check=True)
    return core


def test_the_tree_is_there():
    if not TREE.exists():
        pytest.skip(f"no {TREE}: set WHORL_SUITES to the folder of the suites")
    assert len(worlds()) >= 30


@pytest.mark.parametrize("scheme", ["legacy", "standard32"])
@pytest.mark.parametrize("world", worlds())
def test_a_world_links(tmp_path, world, scheme):
    with whorl.Server.start("-f", embed(tmp_path / "wit", world, scheme)) as server:
        assert server.get("/").status == 500
        assert server.err.wait_for("unreachable")
        assert server.stop() == 0
