#include "trigger/http/static_site.hpp"

#include "wasi/files/hostile_tree.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>
#include <initializer_list>
#include <utility>

namespace whorl::trigger {
namespace {

using wasi::files::Grant;
using wasi::files::test::TempFolder;
using wasi::files::test::write_file;
using Lines = std::initializer_list<std::pair<std::string, std::string>>;

/// A site in a folder, and what it answers.
struct Scene {
  explicit Scene(const std::string& root, app::StaticFiles settings = {}, std::string mount = "/")
      : mounts{{std::move(mount), wasi::files::test::grant(root, Grant::Read)}},
        site(std::move(settings)) {}

  /// @return null when the component is to answer
  LocalPtr<http::Exchange> ask(
      std::string_view path, Lines fields = {}, std::string method = "GET"
  ) {
    http::Request request;
    request.method = std::move(method);
    request.path_and_query = path;
    request.body = http::BodyPipe::empty();
    for (const auto& [name, value] : fields) {
      request.fields.append(name, value);
    }
    auto exchange = make_local<http::Exchange>(std::move(request));
    const std::string info(path.substr(0, path.find('?')));
    return site.try_answer(shard, mounts, info, *exchange) ? exchange : nullptr;
  }
  /// Status, fields but for dates and tags, and body.
  std::string show(std::string_view path, Lines fields = {}, std::string method = "GET") {
    const auto exchange = ask(path, fields, std::move(method));
    if (exchange == nullptr) {
      return "component";
    }
    std::string out = std::to_string(exchange->response().status);
    for (const http::Field& field : exchange->response().fields.lines()) {
      if (field.name != "etag" && field.name != "last-modified" && field.name != "accept-ranges") {
        out += " " + field.name + ": " + field.value + ",";
      }
    }
    return out + " " + body_of(*exchange);
  }
  std::string body_of(http::Exchange& exchange) {
    http::BodyPipe& body = *exchange.response().body;
    std::string out;
    while (true) {
      out += as_text(body.readable());
      body.consume(body.readable().size());
      if (body.is_ended() && body.readable().empty()) {
        return out + (body.failure() ? " CUT" : "");
      }
      REQUIRE(shard.poll());
    }
  }

  async::Shard shard{0};
  std::vector<wasi::Preopen> mounts;
  StaticSite site;
};

void set_modified(const std::string& path, std::int64_t seconds) {
  const timespec times[2] = {{seconds, 0}, {seconds, 0}};
  REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times, 0) == 0);
}

/// "Sun, 06 Nov 1994 08:49:37 GMT"
constexpr std::int64_t kThen = 784111777;

TEST_CASE("paths of URLs") {
  struct Case {
    std::string_view path;
    std::optional<std::string> file;
  };
  for (const Case& c : {
           Case{"", ""},
           Case{"/", ""},
           Case{"/a/b.txt", "a/b.txt"},
           Case{"/a/", "a"},
           Case{"/a%20b%C3%A9", "a b\xC3\xA9"},
           Case{"/.well-known/x", ".well-known/x"},
           Case{"/a..b", "a..b"},
           Case{"/..", {}},
           Case{"/a/../b", {}},
           Case{"/%2e%2e/b", {}},
           Case{"/.%2E/b", {}},
           Case{"/a%2fb", {}},
           Case{"/a%2Fb", {}},
           Case{"/a//b", {}},
           Case{"/.git/config", {}},
           Case{"/a/.env", {}},
           Case{"/%", {}},
           Case{"/%4", {}},
           Case{"/%zz", {}},
           Case{"/%+1", {}},
           Case{"/a%00b", {}},
           Case{"/a%0Ab", {}},
           Case{"/.", {}},
       }) {
    CAPTURE(c.path);
    CHECK(decode_file_path(c.path) == c.file);
  }
  CHECK_FALSE(decode_file_path("/" + std::string(5000, 'a')));
}

TEST_CASE("files, folders and what is missing") {
  TempFolder folder;
  const std::string root = folder.at("root");
  std::filesystem::create_directories(root + "/sub/empty");
  write_file(root + "/index.html", "<home>");
  write_file(root + "/a b.txt", "text");
  write_file(root + "/none", "");
  write_file(root + "/sub/index.html", "<sub>");
  Scene scene(root);
  const std::string html =
      "200 vary: accept-encoding, content-type: text/html; charset=utf-8, content-length: ";
  CHECK(scene.show("/") == html + "6, <home>");
  CHECK(scene.show("/index.html?x=/../y") == html + "6, <home>");
  CHECK(scene.show("/sub/") == html + "5, <sub>");
  CHECK(scene.show("/sub?x=1") == "301 location: ./sub/?x=1, ");
  CHECK(
      scene.show("/a%20b.txt") ==
      "200 vary: accept-encoding, content-type: text/plain; charset=utf-8, content-length: 4, text"
  );
  CHECK(scene.show("/none") == "200 content-type: application/octet-stream, content-length: 0, ");
  for (const std::string_view path :
       {"/missing", "/a%20b.txt/", "/sub/empty", "/sub/empty/", "/.hidden", "/%ff", "/../x"}) {
    CAPTURE(path);
    CHECK(scene.show(path) == "component");
  }
  CHECK(scene.show("/index.html", {}, "POST") == "component");
  CHECK(scene.show("/index.html", {}, "HEAD") == html + "6, ");

  Scene strict(
      root,
      {.index = "", .missing = app::StaticFiles::Missing::NotFound, .cache_control = "no-cache"}
  );
  CHECK(strict.show("/missing") == "404 ");
  CHECK(strict.show("/") == "404 ");
  CHECK(strict.show("/x", {}, "DELETE") == "405 allow: GET, HEAD, ");
  CHECK(
      strict.show("/none") ==
      "200 cache-control: no-cache, content-type: application/octet-stream, content-length: 0, "
  );

  Scene app(root, {.missing = app::StaticFiles::Missing::File, .missing_file = "/index.html"});
  CHECK(app.show("/some/page") == html + "6, <home>");
  CHECK(app.show("/../../x") == html + "6, <home>");
  Scene broken(root, {.missing = app::StaticFiles::Missing::File, .missing_file = "/gone.html"});
  CHECK(broken.show("/some/page") == "404 ");
}

TEST_CASE("a folder below a mount, and mounts within one another") {
  TempFolder folder;
  std::filesystem::create_directories(folder.at("one/public"));
  std::filesystem::create_directories(folder.at("two"));
  write_file(folder.at("one/public/a"), "one");
  write_file(folder.at("one/b"), "not served");
  write_file(folder.at("two/a"), "two");
  Scene scene(folder.at("one"), {.path = "/public"});
  CHECK(scene.body_of(*scene.ask("/a")) == "one");
  CHECK(scene.ask("/b") == nullptr);
  scene.mounts.push_back({"/public", wasi::files::test::grant(folder.at("two"), Grant::Read)});
  CHECK(scene.body_of(*scene.ask("/a")) == "two");
  scene.mounts.clear();
  scene.mounts.push_back({"/pub", wasi::files::test::grant(folder.at("two"), Grant::Read)});
  CHECK(scene.ask("/a") == nullptr);
}

TEST_CASE("conditions and ranges") {
  TempFolder folder;
  write_file(folder.at("a.png"), "0123456789");
  set_modified(folder.at("a.png"), kThen);
  Scene scene(folder.at("."));
  const auto whole = scene.ask("/a.png");
  const std::string tag(*whole->response().fields.find("etag"));
  CHECK(tag == "\"ae1b981bc490a00-a\"");
  CHECK(whole->response().fields.find("last-modified") == "Sun, 06 Nov 1994 08:49:37 GMT");
  CHECK(whole->response().fields.find("accept-ranges") == "bytes");
  CHECK(scene.show("/a.png", {{"if-none-match", tag}}) == "304 ");
  CHECK(scene.ask("/a.png", {{"if-none-match", tag}})->response().fields.find("etag") == tag);
  CHECK(scene.show("/a.png", {{"if-modified-since", "Sun, 06 Nov 1994 08:49:37 GMT"}}) == "304 ");
  CHECK(scene.show("/a.png", {{"if-match", "\"x\""}}) == "412 ");
  CHECK(
      scene.show("/a.png", {{"range", "bytes=2-4"}}) ==
      "206 content-type: image/png, content-range: bytes 2-4/10, content-length: 3, 234"
  );
  CHECK(
      scene.show("/a.png", {{"range", "bytes=2-4"}}, "HEAD") ==
      "206 content-type: image/png, content-range: bytes 2-4/10, content-length: 3, "
  );
  CHECK(scene.show("/a.png", {{"range", "bytes=10-"}}) == "416 content-range: bytes */10, ");
  CHECK(
      scene.show("/a.png", {{"range", "bytes=2-4"}, {"if-range", "\"old\""}}) ==
      "200 content-type: image/png, content-length: 10, 0123456789"
  );
}

TEST_CASE("compressed forms, when they are wanted and not older") {
  TempFolder folder;
  write_file(folder.at("a.css"), "plain");
  write_file(folder.at("a.css.gz"), "gz");
  write_file(folder.at("a.css.br"), "br");
  write_file(folder.at("p.png"), "plain");
  write_file(folder.at("p.png.gz"), "gz");
  for (const char* name : {"a.css", "a.css.gz", "a.css.br"}) {
    set_modified(folder.at(name), kThen);
  }
  Scene scene(folder.at("."));
  const std::string vary = "200 vary: accept-encoding,";
  const std::string type = " content-type: text/css; charset=utf-8, content-length: ";
  CHECK(scene.show("/a.css") == vary + type + "5, plain");
  CHECK(
      scene.show("/a.css", {{"accept-encoding", "gzip, br"}}) ==
      vary + " content-encoding: br," + type + "2, br"
  );
  CHECK(
      scene.show("/a.css", {{"accept-encoding", "gzip;q=1, br;q=0"}}) ==
      vary + " content-encoding: gzip," + type + "2, gz"
  );
  CHECK(scene.show("/a.css", {{"accept-encoding", "zstd"}}) == vary + type + "5, plain");
  CHECK(
      scene.show("/a.css", {{"accept-encoding", "br"}, {"range", "bytes=0-0"}}) ==
      "206 vary: accept-encoding, content-type: text/css; charset=utf-8, content-range: bytes "
      "0-0/5, content-length: 1, p"
  );
  CHECK(
      scene.show("/p.png", {{"accept-encoding", "gzip"}}) ==
      "200 content-type: image/png, content-length: 5, plain"
  );
  const auto tag_of = [&](Lines fields) {
    return std::string(*scene.ask("/a.css", fields)->response().fields.find("etag"));
  };
  CHECK(tag_of({}) != tag_of({{"accept-encoding", "br"}}));
  // Both have the same size and time.
  CHECK(tag_of({{"accept-encoding", "gzip"}}) != tag_of({{"accept-encoding", "br"}}));
  set_modified(folder.at("a.css.br"), kThen - 1);
  CHECK(scene.show("/a.css", {{"accept-encoding", "br"}}) == vary + type + "5, plain");
}

TEST_CASE("a large file goes as fast as it is taken, and a shorter one than it was is cut") {
  TempFolder folder;
  std::string large(3 * http::BodyPipe::kDefaultCapacity + 17, 'x');
  for (std::size_t i = 0; i < large.size(); ++i) {
    large[i] = static_cast<char>('a' + i % 26);
  }
  write_file(folder.at("large.bin"), large);
  Scene scene(folder.at("."));
  auto exchange = scene.ask("/large.bin");
  CHECK(exchange->response().body->readable().size() == http::BodyPipe::kDefaultCapacity);
  CHECK((scene.body_of(*exchange) == large));
  // Whoever leaves takes everything along.
  exchange = scene.ask("/large.bin");
  exchange->response().body->stop_reading();
  exchange.reset();
  while (scene.shard.poll()) {
  }
  exchange = scene.ask("/large.bin");
  std::filesystem::resize_file(folder.at("large.bin"), 70'000);
  CHECK((scene.body_of(*exchange) == large.substr(0, 70'000) + " CUT"));
}

TEST_CASE("no path leads out of the folder") {
  TempFolder folder;
  const wasi::files::test::Tree tree(folder);
  Scene scene(tree.at("root"), {.index = "secret"});
  std::size_t answered = 0;
  for (const std::string& path : wasi::files::test::corpus(tree)) {
    for (const std::string& asked : {path, "/" + path}) {
      CAPTURE(asked);
      const auto exchange = scene.ask(asked);
      if (exchange == nullptr) {
        continue;
      }
      ++answered;
      CHECK(scene.body_of(*exchange).find("secret") == std::string::npos);
    }
  }
  CHECK(answered > 0);
  // Escaped in every way that a decoder might undo once too often.
  for (const std::string_view asked : {
           "/%2e%2e/secret",
           "/%2e%2e%2fsecret",
           "/..%2fsecret",
           "/%252e%252e/secret",
           "/dir/%2e%2e/%2e%2e/secret",
           "/..%5csecret",
           "/..;/secret",
           "/%c0%ae%c0%ae/secret",
           "/up_file",
           "/up/secret",
           "/abs",
           "/deep",
           "/proc_root/etc/passwd",
           "/chain1/secret",
       }) {
    CAPTURE(asked);
    CHECK(scene.show(asked) == "component");
  }
  CHECK(scene.body_of(*scene.ask("/inside_file")) == "file");
  CHECK(tree.outside_is_untouched());
}

TEST_CASE("what is no regular file is not served, and does not block") {
  TempFolder folder;
  REQUIRE(::mkfifo(folder.at("pipe").c_str(), 0600) == 0);
  Scene scene(folder.at("."));
  CHECK(scene.show("/pipe") == "component");
}

}  // namespace
}  // namespace whorl::trigger
