"""Folders that a manifest gives to a guest: what it reads, and that nothing leads out of them."""

import whorl

MANIFEST = """
[[trigger.http]]
route = "/..."
component = "folder"
[component.folder]
source = "folder.wasm"
files = [{ source = "public", destination = "/" }]
"""


def folder(app):
    made = app(MANIFEST, "folder")
    (made / "public" / "sub").mkdir(parents=True)
    (made / "public" / "page.txt").write_text("the page")
    (made / "public" / "sub" / "long.txt").write_text("0123456789" * 50_000)
    (made / "secret.txt").write_text("secret")
    return made


def test_files_are_read_through_wasi_0_2(app):
    with whorl.Server.start("-f", folder(app)) as server:
        assert server.get("/read/page.txt").body == b"the page"
        assert server.get("/read/sub/long.txt").body == b"0123456789" * 50_000
        assert sorted(server.get("/list/").body.split()) == [b"page.txt", b"sub"]
        assert server.get("/read/nothing").body == b"error 20"  # no-entry
        for path in ("../secret.txt", "sub/../../secret.txt", "/etc/passwd", "..", "../../../../etc/passwd"):
            assert server.get(f"/read/{path}").body.startswith(b"error "), path


def test_files_cannot_be_changed_unless_that_is_allowed(app):
    made = folder(app)
    with whorl.Server.start("-f", made) as server:
        assert server.get("/write/page.txt").body == b"error 31"  # not-permitted
        assert server.get("/write/new.txt").body == b"error 31"
    with whorl.Server.start("-f", made, "--allow-transient-write") as server:
        assert server.get("/write/new.txt").body == b"ok"
        assert server.get("/read/new.txt").body == b"written"
    assert not (made / "public" / "new.txt").exists()  # a copy was written
