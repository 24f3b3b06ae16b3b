/// Private to linker*.cpp: how deeply things may be nested while they are run.
#pragma once

#include "component/linker.hpp"
#include "component/reader.hpp"

#include <cstddef>
#include <cstdint>

namespace whorl::component {

inline constexpr std::uint32_t kMaxLinkDepth = 120;
inline constexpr std::size_t kMaxFrames = 20'000;
inline constexpr std::size_t kMaxCoreInstances = 2'000;

/// Counts what is nested in what while it is run: components, instance types, component types. The
/// count bounds the linker's own stack.
class Linker::Depth {
 public:
  explicit Depth(Linker& linker) noexcept : linker_(linker) { ++linker_.depth_; }
  Depth(const Depth&) = delete;
  Depth& operator=(const Depth&) = delete;
  ~Depth() { --linker_.depth_; }

  /// @return InvalidInput when it is too deep, or there are too many of them
  [[nodiscard]] Result<> check(std::uint64_t offset) const {
    if (linker_.depth_ > kMaxLinkDepth || linker_.frames_.size() > kMaxFrames) {
      return malformed(
          offset,
          "components or types are used inside each other more than {} deep, or too often",
          kMaxLinkDepth
      );
    }
    return {};
  }

 private:
  Linker& linker_;
};

}  // namespace whorl::component
