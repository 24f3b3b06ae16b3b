#include "loader/sources.hpp"

#include "base/hash.hpp"
#include "loader/test_support.hpp"

namespace whorl::loader {
namespace {

/// Answers every URL with the same bytes.
class FixedFetcher final : public SourceFetcher {
 public:
  explicit FixedFetcher(std::string bytes) : bytes_(std::move(bytes)) {}
  Result<void> fetch(const std::string& url, ByteSink& sink) override {
    ++calls;
    if (url.ends_with("/none")) {
      return fail(
          ErrorKind::NotFound, "HTTP status client error (404 Not Found) for url ({})", url
      );
    }
    if (announced != 0) {
      WHORL_CHECKED(sink.expect(announced));
    }
    const std::size_t half = bytes_.size() / 2;
    WHORL_CHECKED(sink.write(as_bytes(bytes_).first(half)));
    if (url.ends_with("/broken")) {
      return fail(ErrorKind::Disconnected, "the connection broke");
    }
    return sink.write(as_bytes(bytes_).subspan(half));
  }
  int calls = 0;
  std::uint64_t announced = 0;

 private:
  std::string bytes_;
};

std::string digest_of(std::string_view bytes) {
  return "sha256:" + to_hex(sha256(as_bytes(bytes)));
}

TEST_CASE("downloads are kept when they are what was asked for, and found again") {
  const TestFolder folder;
  FixedFetcher fetcher("hello");
  const DigestCache cache(folder.path("c"));
  const std::string digest = digest_of("hello");
  const auto first = cache.get("http://x/a", digest, 100, &fetcher);
  REQUIRE(first);
  CHECK(*first == folder.path("c/wasm/" + digest));
  CHECK(folder.read("c/wasm/" + digest) == "hello");
  CHECK(*cache.get("http://x/b", digest, 100, &fetcher) == *first);
  CHECK(*cache.get("http://x/b", digest, 100, nullptr) == *first);
  CHECK(fetcher.calls == 1);
  CHECK(folder.tree("c") == "wasm/" + digest);
}

TEST_CASE("nothing is left of downloads that fail") {
  const TestFolder folder;
  FixedFetcher fetcher("hello");
  const DigestCache cache(folder.path("c"));
  const std::string good_digest = digest_of("hello");
  const std::string zero = "sha256:" + std::string(64, '0');
  struct Row {
    std::string url;
    std::string digest;
    std::uint64_t limit;
    std::uint64_t announced;
    ErrorKind kind;
    std::string message;
  };
  const Row rows[] = {
      {"http://x/a",
       zero,
       100,
       0,
       ErrorKind::Corrupt,
       "invalid content digest; expected " + zero + ", downloaded " + good_digest},
      {"http://x/none",
       good_digest,
       100,
       0,
       ErrorKind::NotFound,
       "HTTP status client error (404 Not Found) for url (http://x/none)"},
      {"http://x/broken", good_digest, 100, 0, ErrorKind::Disconnected, "the connection broke"},
      {"http://x/a", good_digest, 4, 0, ErrorKind::ResourceLimit, "the file is longer than 4 bytes"
      },
      {"http://x/a",
       good_digest,
       100,
       10'000'000'000,
       ErrorKind::ResourceLimit,
       "the file is longer than 100 bytes"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.message);
    fetcher.announced = row.announced;
    const auto got = cache.get(row.url, row.digest, row.limit, &fetcher);
    REQUIRE_FALSE(got);
    CHECK(got.error().kind() == row.kind);
    CHECK(got.error().message() == row.message);
    CHECK(got.error().contexts().back() == "Error fetching source URL \"" + row.url + "\"");
    CHECK(folder.tree("c/wasm") == "");
  }
  CHECK(
      cache.get("http://x/a", good_digest, 100, nullptr).error().kind() == ErrorKind::Unsupported
  );
}

TEST_CASE("digests") {
  CHECK(is_digest(digest_of("")));
  for (const std::string& wrong :
       {std::string(),
        std::string("sha256:"),
        "sha256:" + std::string(63, '0'),
        "sha256:" + std::string(65, '0'),
        "sha256:" + std::string(64, 'A'),
        "sha256:../" + std::string(61, '0'),
        "sha512:" + std::string(64, '0')}) {
    CHECK_FALSE(is_digest(wrong));
  }
}

TEST_CASE("components from URLs") {
  const TestFolder cache;
  FixedFetcher fetcher("wasm");
  const LoadOptions options{.cache_dir = cache.root(), .fetcher = &fetcher};
  const auto source = [](const std::string& digest) {
    return "source = { url = \"http://x/a\", digest = \"" + digest + "\" }\n";
  };
  const AppFolder folder(kHead + kTrigger + "[component.r]\n" + source(digest_of("wasm")));
  const auto app = good(folder, options);
  CHECK(app->components[0].source_path == cache.path("wasm/" + digest_of("wasm")));
  CHECK(as_text(read_component(app->components[0])->files.back()) == "wasm");

  const std::string zero = "sha256:" + std::string(64, '0');
  const auto with = [](const std::string& digest) {
    return "Failed to load Wasm source \"http://x/a\" with digest \"" + digest + "\"";
  };
  CHECK(
      component_failure(source(zero), options) ==
      std::vector<std::string>{
          with(zero),
          "Error fetching source URL \"http://x/a\"",
          "invalid content digest; expected " + zero + ", downloaded " + digest_of("wasm"),
      }
  );
  CHECK(
      component_failure(source("md5:1"), options) ==
      std::vector<std::string>{
          with("md5:1"), "invalid `digest` \"md5:1\"; must start with 'sha256:'"
      }
  );
  CHECK(
      component_failure(source("sha256:../x"), options) ==
      std::vector<std::string>{
          with("sha256:../x"),
          "invalid `digest` \"sha256:../x\"; after 'sha256:' must come 64 hexadecimal digits in "
          "lower case",
      }
  );
  CHECK(component_failure(source(zero)).back() == "this command does not download components");
}

}  // namespace
}  // namespace whorl::loader
