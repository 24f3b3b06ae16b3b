"""Nothing of the host reaches a guest that was not granted it: variables, arguments, folders, files, how long the machine
or the process has been up. And what a zip of links unpacks to gives no way out."""

import os
import re
import stat
import time
import zipfile

import componentize
import pytest
import twins
import whorl

SECRET = {"SECRET_OF_THE_HOST": "s", "HOME": "/root", "TZ": "Asia/Tokyo", "LANG": "de_DE.UTF-8", "SPIN_VARIABLE_X": "v",
          "AWS_SECRET_ACCESS_KEY": "k"}
PLAIN = '[[trigger.http]]\nroute = "/..."\ncomponent = "leaks"\n[component.leaks]\nsource = "leaks.wasm"\n'
PATHS = ["etc/passwd", "/etc/passwd", "../../../../../../etc/passwd", "proc/self/environ", "/proc/self/environ", ".", "spin.toml", "leaks.wasm",
         "../spin.toml", ""]


def told(server) -> dict[str, list[str]]:
    found = {}
    for line in server.get("/").body.decode().splitlines():
        name, _, value = line.partition(" ")
        found.setdefault(name, []).append(value)
    return found


def test_a_guest_without_grants_sees_nothing(app):
    with whorl.Server.start("-f", app(PLAIN, "leaks"), env=SECRET) as server:
        found = told(server)
        assert "variable" not in found
        for name in ("arguments", "folder", "variables-p1", "arguments-p1", "folders", "folders-p1"):
            assert found[name] == ["0"], name
        for path in PATHS:
            assert server.get(f"/open/{path}").body == b"opened 0\n", path


def test_a_guest_sees_what_it_was_given_and_no_more(app, tmp_path):
    (tmp_path / "a.txt").write_text("a")
    folder = app(PLAIN + 'environment = { OWN = "1" }\nfiles = ["a.txt"]\n', "leaks")
    with whorl.Server.start("-f", folder, "-e", "GIVEN=2", env=SECRET) as server:
        found = told(server)
        assert sorted(found["variable"]) == ["GIVEN", "OWN"]
        assert (found["variables-p1"], found["folders"], found["folders-p1"]) == (["2"], ["1"], ["1"])
        assert server.get("/open/a.txt").body == b"opened 1\n"
        for path in PATHS:
            if path != ".":  # the granted folder itself
                assert server.get(f"/open/{path}").body == b"opened 0\n", path


def test_a_command_sees_what_its_request_says_and_no_more(app):
    folder = app('[[trigger.http]]\nroute = "/..."\ncomponent = "cgi"\nexecutor = { type = "wagi" }\n'
                 '[component.cgi]\nsource = "cgi.wasm"\n', "cgi")
    with whorl.Server.start("-f", folder, env=SECRET) as server:
        body = server.get("/x").body.decode()
        names = set(re.findall(r"^env (\w+)=", body, re.M))
        assert "PATH_INFO" in names
        assert not names & (set(SECRET) - {"TZ"}) and "TZ" not in names
        assert not [name for name in names if name in os.environ]


def test_clocks_say_nothing_of_the_machine(app):
    uptime, begun = time.clock_gettime_ns(time.CLOCK_MONOTONIC), time.monotonic_ns()
    folder = app(PLAIN, "leaks")
    seen = []
    for _ in range(2):
        with whorl.Server.start("-f", folder, "--threads", "1", env=SECRET) as server:
            first, second = (told(server) for _ in range(2))
            clock, again = int(first["monotonic"][0]), int(second["monotonic"][0])
            assert clock < again < clock + 60e9  # a clock of that shard all the same
            assert abs(int(first["monotonic-p1"][0]) - clock) < 10e9
            assert abs(int(first["wall"][0]) - time.time()) < 60  # UTC, whatever the host's time zone
            assert first["random"] != second["random"]
            seen.append(clock)
    age = time.monotonic_ns() - begun
    # One in 70,000 that a random instant is this near to one of them.
    for clock in seen:
        assert abs(clock - uptime) > 1e9 + age or uptime > 2**47
    assert abs(seen[0] - seen[1]) > 1e6


LINKS = {"passwd": "/etc/passwd", "up": "../../../../../../../../etc/passwd", "folder": "/etc", "loop": "loop", "self": ".",
         "inside": "sub/real.txt", "broken": "nowhere", "manifest": "../spin.toml"}


def unpack(target, folder) -> None:
    """A zip with links for entries, unpacked as `unzip` does."""
    archive = folder / "links.zip"
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("sub/real.txt", "real")
        for name, to in LINKS.items():
            entry = zipfile.ZipInfo(name)
            entry.create_system = 3
            entry.external_attr = (stat.S_IFLNK | 0o777) << 16
            made.writestr(entry, to)
    with zipfile.ZipFile(archive) as packed:
        for entry in packed.infolist():
            path = target / entry.filename
            path.parent.mkdir(parents=True, exist_ok=True)
            if stat.S_ISLNK(entry.external_attr >> 16):
                path.symlink_to(packed.read(entry).decode())
            else:
                path.write_bytes(packed.read(entry))


MOUNT = '[[trigger.http]]\nroute = "/..."\ncomponent = "c"\n[component.c]\nsource = "folder.wasm"\nfiles = [{ source = "data", destination = "/" }]\n'
ASK = [twins.Request.of(f"/read/{name}") for name in [*LINKS, "sub/real.txt", "folder/passwd", "self/self/sub/real.txt", "up/x"]]


def test_a_zip_of_links_is_no_way_out_of_a_mount(app, tmp_path):
    folder = app(MOUNT, "folder")
    unpack(folder / "data", tmp_path)
    with whorl.Server.start("-f", folder, "--direct-mounts") as server:
        answers = {request.name: twins.ask(server.port, request) for request in ASK}
        for name, answer in answers.items():
            assert b"root:" not in answer.body and b"spin_manifest" not in answer.body, name
        assert answers["GET /read/inside"].body == answers["GET /read/sub/real.txt"].body == b"real"


@pytest.mark.skipif(not os.environ.get("WHORL_PEER_SPIN"), reason="NO PEER: WHORL_PEER_SPIN names no program")
def test_a_zip_of_links_as_under_spin(tmp_path):
    """What a guest is answered in place; error codes of links that lead out may be another's."""
    text = 'spin_manifest_version = 2\n[application]\nname = "a"\n' + MOUNT
    case = twins.Case(text, ASK, ("--direct-mounts",))
    programs = []
    try:
        for name, program in (("whorl", whorl.program()), ("spin", os.environ["WHORL_PEER_SPIN"])):
            folder = twins.copy(tmp_path, name, case, {"folder.wasm": componentize.guest("folder", tmp_path)})
            unpack(folder / "data", tmp_path)
            programs.append(twins.Program(program, folder, case))
        for request in ASK:
            ours, theirs = (twins.ask_sized(program.port, request) for program in programs)
            assert (ours[0].framed_as(theirs[0], ours[1])) == theirs[0], request.name
    finally:
        for program in programs:
            program.close()


def test_copies_of_endless_links_end(app, tmp_path):
    """Links of the operator's are followed when copies are made, as in Spin; each folder once on a path."""
    folder = app(MOUNT, "folder")
    unpack(folder / "data", tmp_path)
    (folder / "data" / "folder").unlink()  # all of /etc is more than this test needs
    with whorl.Server.start("-f", folder, "--temp", tmp_path / "work") as server:
        assert server.get("/read/inside").body == b"real"
        for name in ("broken", "loop", "self/sub/real.txt", "../spin.toml"):
            assert server.get(f"/read/{name}").body.startswith(b"error"), name
    assert len([path for path in (tmp_path / "work").rglob("*")]) < 100
