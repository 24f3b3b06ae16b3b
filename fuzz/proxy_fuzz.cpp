// Headers of the PROXY protocol. Whatever the bytes are, they are read to the same end in one piece
// and in many, within the bounds, and never beyond the header.
#include "wire/proxy/proxy_header.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>

namespace {

using whorl::wire::proxy::HeaderReader;

struct Outcome {
  HeaderReader::State state = HeaderReader::State::NeedMore;
  std::size_t taken = 0;
  std::optional<whorl::wire::proxy::Source> source;
  bool operator==(const Outcome&) const = default;
};

Outcome run(whorl::ByteView input, std::size_t step) {
  HeaderReader reader;
  Outcome out;
  while (out.taken < input.size() && reader.state() == HeaderReader::State::NeedMore) {
    const auto piece = input.subspan(out.taken, std::min(step, input.size() - out.taken));
    const std::size_t count = reader.read(piece);
    if (count > piece.size() ||
        (count < piece.size() && reader.state() == HeaderReader::State::NeedMore)) {
      std::abort();
    }
    out.taken += count;
  }
  out.state = reader.state();
  out.source = reader.source();
  if (out.taken > 16 + HeaderReader::kMaxPayload) {
    std::abort();
  }
  // Where it went wrong may be noticed a few bytes later when there are more at once.
  out.taken = out.state == HeaderReader::State::Bad ? 0 : out.taken;
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const whorl::ByteView input(data, size);
  const Outcome whole = run(input, std::max<std::size_t>(size, 1));
  for (const std::size_t step : {1U, 5U, 17U}) {
    if (run(input, step) != whole) {
      std::abort();
    }
  }
  return 0;
}
