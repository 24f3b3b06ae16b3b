#include "runtime/output_flusher.hpp"

#include "fs/file.hpp"
#include "runtime/component_output.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace whorl::runtime {
namespace {

TEST_CASE("what the events of one round put out is written when they had their turn") {
  std::string folder = (std::filesystem::temp_directory_path() / "whorl-output-XXXXXX").string();
  REQUIRE(::mkdtemp(folder.data()) != nullptr);
  const auto written = [&] {
    auto data = fs::read_file(fs::join(folder, "hello_stdout.txt"), 1'000'000);
    return data ? std::string(as_text(*data)) : "(missing)";
  };
  auto output = log::GuestOutput::open({.directory = folder, .quiet = true});
  REQUIRE(output);
  ComponentOutput stream(*output, "hello", log::GuestStream::Stdout);
  stream.write(as_bytes("off the shards\n"));
  CHECK(written() == "off the shards\n");
  std::string before_the_end;
  {
    async::Shard shard(0);
    shard.post([&] { stream.write(as_bytes("one\n")); });
    shard.post([&] {
      stream.write(as_bytes("two\n"));
      before_the_end = written();
    });
    while (shard.poll()) {
    }
    CHECK(before_the_end == "off the shards\n");
    CHECK(written() == "off the shards\none\ntwo\n");
    // What is left is written when the loop ends.
    shard.post([&] {
      stream.write(as_bytes("three\n"));
      shard.stop();
    });
    (void)shard.poll();
    CHECK(written() == "off the shards\none\ntwo\n");
  }
  CHECK(written() == "off the shards\none\ntwo\nthree\n");
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace whorl::runtime
