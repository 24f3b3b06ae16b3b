#include "runtime/output_flusher.hpp"

#include "fs/file.hpp"
#include "fs/test_folder.hpp"
#include "runtime/component_output.hpp"

#include <doctest/doctest.h>

#include <string>

namespace whorl::runtime {
namespace {

TEST_CASE("what the events of one round put out is written when they had their turn") {
  const fs::test::TestFolder folder;
  const auto written = [&] { return folder.text("hello_stdout.txt"); };
  auto output = log::GuestOutput::open({.directory = folder.path(), .quiet = true});
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
}

}  // namespace
}  // namespace whorl::runtime
