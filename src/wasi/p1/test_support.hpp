/// What tests of preview 1 share: a guest's memory, and calls of functions as the thunks make them.
#pragma once

#include "wasi/files/test_support.hpp"
#include "wasi/p1/preview1.hpp"
#include "wasi/test_support.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::wasi::p1::test {

/// Input of a test: what is there, and whether more may come.
class MemoryInput final : public InputSource {
 public:
  [[nodiscard]] ByteView available() override { return as_bytes(text); }
  void consume(std::size_t count) override { text.erase(0, count); }
  [[nodiscard]] bool is_ended() override { return ended; }
  [[nodiscard]] async::Event* event() noexcept override { return &changed; }

  std::string text;
  bool ended = false;
  async::Event changed;
};

/// An instance with 64 KiB of memory. Tests write arguments with put() from address 1024 on and
/// look at results; addresses below are for results.
struct P1Scene : wasi::test::Scene {
  std::vector<EnvironmentVariable> environment;
  std::vector<std::string> arguments;
  std::vector<Preopen> preopens;
  MemoryInput input;
  std::vector<std::uint8_t> bytes = std::vector<std::uint8_t>(65536, 0xee);
  std::optional<Preview1> host;
  std::optional<component::HostTrap> trap;  ///< of the last call
  Ptr next = 1024;

  /// Made at the first call, with what the fields above say then.
  Preview1& preview1() {
    if (!host) {
      host.emplace(InstanceContext{
          .timers = timers,
          .standard_output = out,
          .standard_error = err,
          .environment = environment,
          .arguments = arguments,
          .standard_input = &input,
          .preopens = preopens,
      });
    }
    return *host;
  }

  template <class R, class... P, class... A>
  R invoke(R (Preview1::*method)(Guest&, P...), A... arguments_of) {
    Guest guest(call.store, MutableByteView(bytes), call.fiber);
    trap.reset();
    const auto done = [&] {
      if (guest.failed()) {
        trap = guest.take_trap();
      }
    };
    if constexpr (std::is_void_v<R>) {
      (preview1().*method)(guest, static_cast<P>(arguments_of)...);
      done();
    } else {
      const R result = (preview1().*method)(guest, static_cast<P>(arguments_of)...);
      done();
      return result;
    }
  }

  /// Room for an argument, aligned to 8.
  Ptr room(std::size_t size) {
    const Ptr at = next;
    next += static_cast<Ptr>((size + 7) / 8 * 8);
    REQUIRE(next <= bytes.size());
    return at;
  }
  Ptr put(std::string_view text) {
    const Ptr at = room(text.size());
    std::ranges::copy(text, bytes.begin() + at);
    return at;
  }
  template <class T>
  void set(Ptr at, T value) {
    std::memcpy(bytes.data() + at, &value, sizeof(T));
  }
  template <class T>
  [[nodiscard]] T get(Ptr at) const {
    T value{};
    std::memcpy(&value, bytes.data() + at, sizeof(T));
    return value;
  }
  [[nodiscard]] std::uint32_t u32(Ptr at) const { return get<std::uint32_t>(at); }
  [[nodiscard]] std::uint64_t u64(Ptr at) const { return get<std::uint64_t>(at); }
  [[nodiscard]] std::string text(Ptr at, std::size_t size) const {
    return std::string(as_text(ByteView(bytes).subspan(at, size)));
  }
  /// An array of iovecs.
  Ptr put_buffers(const std::vector<Range>& buffers) {
    const Ptr at = room(buffers.size() * kIovecSize);
    for (std::size_t i = 0; i < buffers.size(); ++i) {
      set(static_cast<Ptr>(at + i * 8), buffers[i].ptr);
      set(static_cast<Ptr>(at + i * 8 + 4), buffers[i].size);
    }
    return at;
  }
  /// Writes a text with fd_write, all of it in one buffer.
  Errno write(std::uint32_t fd, std::string_view what) {
    const Ptr at = put(what);
    const Ptr buffers = put_buffers({{at, static_cast<std::uint32_t>(what.size())}});
    return invoke(&Preview1::fd_write, fd, buffers, 1, 0);
  }
  /// Reads up to `size` bytes with fd_read.
  std::string read(std::uint32_t fd, std::uint32_t size) {
    const Ptr at = room(size);
    const Ptr buffers = put_buffers({{at, size}});
    REQUIRE(invoke(&Preview1::fd_read, fd, buffers, 1, 0) == Errno::Success);
    return text(at, u32(0));
  }
  struct OpenFlags {
    std::uint32_t lookup = 0;
    std::uint32_t open = 0;
    std::uint64_t base = rights::kRead | rights::kWrite;
    std::uint32_t fd = 0;
  };
  /// Opens a path below descriptor 3 with path_open; the number is at address 0.
  Errno open(std::string_view path, OpenFlags flags) {
    const Ptr at = put(path);
    return invoke(
        &Preview1::path_open,
        3,
        flags.lookup,
        at,
        path.size(),
        flags.open,
        flags.base,
        0,
        flags.fd,
        0
    );
  }
  /// Opens what must be there to open. @return its number
  std::uint32_t opened(std::string_view path, OpenFlags flags) {
    REQUIRE(open(path, flags) == Errno::Success);
    return u32(0);
  }
};

}  // namespace whorl::wasi::p1::test
