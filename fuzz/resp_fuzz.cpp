// Replies of the Redis protocol. Whatever the bytes are, they are read to the same end in one piece
// and in many, and within the limits.
#include "wire/resp/reply.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

namespace whorl::wire::resp {
namespace {

constexpr ReplyLimits kLimits{.bytes = 4096, .depth = 5};

void describe(const Reply& reply, std::string& out) {
  out += fmt::format(
      "{} {} {} {}(", static_cast<int>(reply.kind), reply.integer, reply.text.size(), reply.text
  );
  for (const Reply& item : reply.items) {
    describe(item, out);
  }
  out += ')';
}

std::string run(ByteView input, std::size_t step) {
  ReplyReader reader(kLimits);
  std::string trace;
  while (!input.empty()) {
    const auto count = reader.read(input.first(std::min(step, input.size())));
    if (!count) {
      return trace + std::string(to_string(count.error().kind()));
    }
    input = input.subspan(*count);
    if (reader.is_done()) {
      describe(reader.take(), trace);
    }
  }
  return trace;
}

}  // namespace
}  // namespace whorl::wire::resp

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const whorl::ByteView input(data, size);
  const std::string whole = whorl::wire::resp::run(input, size);
  for (const std::size_t step : {1U, 3U, 64U}) {
    if (whorl::wire::resp::run(input, step) != whole) {
      std::abort();
    }
  }
  return 0;
}
