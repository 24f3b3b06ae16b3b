"""What ./dev release is made of: the order of a start, and training."""

import os
import pathlib
import re
import subprocess
import sys
import textwrap
import urllib.request

import pytest
import start_order
import train

PROGRAM = r"""
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define KEPT __attribute__((noinline)) static
static volatile int count;
KEPT void never(void) { count = 1; }
KEPT void first(void) { ++count; }
KEPT void second(void) { count += 2; }
KEPT void at_the_end(int number) { if (number == 0) never(); _exit(0); }
KEPT void *on_a_thread(void *given) { second(); return given; }
KEPT int listen_on(const char *port) {
  struct sockaddr_in address = {AF_INET, htons(atoi(port)), {htonl(INADDR_LOOPBACK)}, {0}};
  int listener = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  bind(listener, (struct sockaddr *)&address, sizeof address);
  listen(listener, 8);
  return listener;
}
KEPT void answer(int client) {
  char head[1000];
  const char *status = getenv("STATUS") ? getenv("STATUS") : "200 OK";
  first();
  read(client, head, sizeof head);
  write(client, "HTTP/1.1 ", 9);
  nanosleep(&(struct timespec){0, 20000000}, 0);  // a status line in two pieces
  write(client, status, strlen(status));
  write(client, "\r\n\r\n", 4);
  close(client);
}
int main(int count_of_arguments, char **arguments) {
  pthread_t thread;
  if (count_of_arguments != 7) return 3;
  signal(SIGTERM, at_the_end);
  pthread_create(&thread, 0, on_a_thread, 0);
  pthread_join(thread, 0);
  for (int listener = listen_on(strchr(arguments[5], ':') + 1);;) answer(accept(listener, 0, 0));
}
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("program")
    (folder / "a.c").write_text(PROGRAM)
    subprocess.run(["clang-19", "-O1", "-fPIE", "-pie", "-pthread", "-w", "a.c", "-o", "program"], cwd=folder, check=True)
    return folder / "program"


def run_start_order(program: pathlib.Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, start_order.__file__, program, program.parent], capture_output=True, text=True, timeout=60,
                          env={**os.environ, **environment}, check=False)


def test_the_functions_of_a_start_are_listed_in_their_order_on_all_threads(program):
    done = run_start_order(program)
    assert done.returncode == 0, done.stderr
    names = done.stdout.split()
    assert names[0] == "_start"
    assert [name for name in names if name in PROGRAM] == ["main", "on_a_thread", "second", "listen_on", "answer", "first"]


def test_a_start_without_an_answer_has_no_order(program):
    done = run_start_order(program, STATUS="500 Oops")
    assert done.returncode == 1
    assert done.stdout == ""
    assert "answered b'HTTP/1.1 500 Oops" in done.stderr


def test_a_program_without_symbols_has_no_order(program, tmp_path):
    subprocess.run(["strip", "-o", tmp_path / "stripped", program], check=True)
    done = run_start_order(tmp_path / "stripped")
    assert (done.returncode, done.stdout) == (1, "")
    assert "has no symbols" in done.stderr


SERVER = """
    import http.server, os, pathlib, signal, sys
    port = int(sys.argv[5].split(":")[1])
    pathlib.Path("pid").write_text(str(os.getpid()))
    def stop(*_):
        {at_end}
        os._exit({code})
    signal.signal(signal.SIGTERM, stop)
    {at_start}
    http.server.HTTPServer(("127.0.0.1", port), http.server.SimpleHTTPRequestHandler).serve_forever()
"""
PLAIN = train.Scene("as they come")
WRITE = "pathlib.Path(os.environ['LLVM_PROFILE_FILE'].replace('%p', '1')).write_text('x')"


def recorder(folder: pathlib.Path, at_start: str = "pass", at_end: str = WRITE, code: int = 0) -> pathlib.Path:
    """A program that is told to record and behaves so."""
    file = folder / "recorder"
    file.write_text(f"#!{sys.executable}\n" + textwrap.dedent(SERVER.format(at_start=at_start, at_end=at_end, code=code)))
    file.chmod(0o755)
    return file


@pytest.mark.parametrize("behaviour,message", [
    ({"at_start": "sys.exit('no such guest')"}, "ended with 1 before it listened:\nno such guest"),
    ({"at_end": "pass"}, "wrote no profile: was it built with -DWHORL_PROFILE=record?"),
    ({"code": 7}, "the program ended with 7"),
])
def test_what_a_recording_program_does_wrong_is_said_and_nothing_is_left_running(tmp_path, behaviour, message):
    raw = tmp_path / "raw"
    raw.mkdir()
    with pytest.raises(train.Failed) as failed, train.serving(recorder(tmp_path, **behaviour), tmp_path / "a.wasm", raw, tmp_path, PLAIN):
        pass
    assert message in str(failed.value)
    assert not pathlib.Path("/proc", (tmp_path / "pid").read_text()).exists()


def test_a_failure_among_the_requests_ends_the_server(tmp_path):
    raw = tmp_path / "raw"
    raw.mkdir()
    with pytest.raises(train.Failed, match="not every answer"), train.serving(recorder(tmp_path), tmp_path / "a.wasm", raw, tmp_path, PLAIN) as port:
        train.load(f"http://127.0.0.1:{port}/", ["--h1"], train.CONNECTIONS, tmp_path / "recorder")  # a POST, which this one refuses
    assert not pathlib.Path("/proc", (tmp_path / "pid").read_text()).exists()


def test_a_guest_that_is_missing_is_named_before_anything_runs(tmp_path):
    with pytest.raises(train.Failed, match="there is no guest .*b.wasm"):
        train.train(tmp_path / "none", tmp_path / "out", [tmp_path / "b.wasm"], 1)


def test_a_scene_is_started_with_its_flags_and_its_environment(tmp_path):
    raw = tmp_path / "raw"
    raw.mkdir()
    scene = train.Scene("told", 1, "http", ["--access-log", "a.log"], {"WHORL_TOLD": "so"})
    note = "pathlib.Path('told').write_text(' '.join(sys.argv[-2:] + [os.environ['WHORL_TOLD']]))"
    with train.serving(recorder(tmp_path, at_start=note), tmp_path / "a.wasm", raw, tmp_path, scene):
        pass
    assert (tmp_path / "told").read_text() == "--access-log a.log so"


def test_what_is_exported_is_taken_and_remembered():
    with train.Collector() as collector:
        for signal_name in ("traces", "logs"):
            request = urllib.request.Request(f"{collector.url}/v1/{signal_name}", data=b"x" * 1000, method="POST")
            with urllib.request.urlopen(request, timeout=30) as answer:
                assert (answer.status, answer.read()) == (200, b"")
        assert collector.told == {"/v1/traces", "/v1/logs"}
        collector.shutdown()


def test_scenes_have_a_certificate_and_a_collector(tmp_path):
    with train.Collector() as collector:
        made = train.scenes(tmp_path, collector)
        assert [(scene.name, scene.part, scene.scheme) for scene in made] == [("as they come", 1, "http"), ("with TLS", 2, "https"), ("observed", 2, "http")]
        assert (tmp_path / "certificate.pem").read_text().startswith("-----BEGIN CERTIFICATE")
        assert made[2].environment["OTEL_EXPORTER_OTLP_ENDPOINT"] == collector.url
        collector.shutdown()


@pytest.fixture
def listed(tmp_path):
    """Runs list_libraries with a distribution of ours; its messages, and the list."""
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "dpkg-query").write_text("#!/bin/sh\nshift 2\nfor package; do\n  case $package in\n"
                                      "    libssl-dev) echo 'openssl 3.0.19-1' ;;\n    libsqlite3-dev) echo 'sqlite3 3.40.1-2' ;;\n"
                                      "    libnghttp2-dev) echo 'nghttp2 1.52.0-1' ;;\n  esac\ndone\n")
    (tools / "apt-cache").write_text("#!/bin/sh\n"
                                     "[ \"$2\" = libsqlite3-dev ] && now=3.40.1-3 || now=3.40.1-2\n"
                                     "printf '%s:\\n  Installed: 3.40.1-2\\n  Candidate: %s\\n' $2 $now\n")
    for tool in tools.iterdir():
        tool.chmod(0o755)
    dev = pathlib.Path(train.__file__).resolve().parent / "dev"
    path = tmp_path / "whorl.libraries"

    def run(static: str) -> tuple[str, str]:
        script = f"set -euo pipefail; root=/none; . {dev}/common.sh; . {dev}/release.sh; list_libraries {static} {path}"
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True,
                              env={**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"})
        return done.stderr, path.read_text()

    return run


def test_a_program_with_libraries_inside_comes_with_their_versions_and_a_warning_about_old_ones(listed):
    said, versions = listed("ON")
    assert versions == "nghttp2 1.52.0-1\nopenssl 3.0.19-1 (SHA-256 and GMAC alone)\nsqlite3 3.40.1-2\n"
    assert re.findall(r"Warning: .*", said) == [
        "Warning: the program holds libsqlite3-dev 3.40.1-2, and there is 3.40.1-3: apt-get install libsqlite3-dev, then build again"]


def test_a_program_with_shared_libraries_lists_what_is_inside_every_program(listed):
    listed("ON")
    assert listed("OFF") == ("", "openssl 3.0.19-1 (SHA-256 and GMAC alone)\n")


def test_the_files_compiled_by_a_profile_are_there():
    root = pathlib.Path(train.__file__).resolve().parent.parent
    text = (root / "cmake" / "WhorlProfile.cmake").read_text()
    listed = re.findall(r"^whorl_profile\(whorl_(\w+) ([^)]*)\)", text, re.MULTILINE)
    files = [(room.replace("trigger_http", "trigger"), file) for room, names in listed for file in names.split() if "$" not in file]
    files += [("../apps/whorl", file) for names in re.findall(r"^whorl_profile\(whorl ([^)]*)\)", text, re.MULTILINE) for file in names.split()]
    assert len(files) > 90
    assert [file for file in files if not (root / "src" / pathlib.Path(*file)).is_file()] == []
    generated = re.findall(r"gen/wit/(\w+)\.cpp", text)
    assert generated and all(name.startswith("wasi_") for name in generated)
