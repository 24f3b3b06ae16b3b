/// Descriptors: the numbered open things of one instance.
///
/// 0 is standard input, 1 standard output, 2 standard error. @thread shard
#pragma once

#include "wasi/context.hpp"
#include "wasi/p1/abi.hpp"

#include <cstdint>
#include <expected>
#include <vector>

namespace whorl::wasi::p1 {

/// One entry of the table.
struct Descriptor {
  enum class Kind : std::uint8_t { Closed, Input, Output };
  Kind kind = Kind::Closed;
  InputSource* input = nullptr;  ///< of Input; null: ended
  OutputSink* output = nullptr;  ///< of Output
};

class Descriptors {
 public:
  explicit Descriptors(const InstanceContext& context) noexcept : context_(context) {}

  /// The descriptor of that number; null if there is none. Good until the table changes.
  [[nodiscard]] Descriptor* find(std::uint32_t fd);
  /// Closes an open descriptor.
  [[nodiscard]] Errno close(std::uint32_t fd);
  /// Gives `from` the number of `to`, which is closed first. Both are open.
  [[nodiscard]] Errno renumber(std::uint32_t from, std::uint32_t to);
  /// Back to the descriptors an instance starts with.
  void reset() noexcept;

 private:
  void open_first();

  const InstanceContext& context_;
  std::vector<Descriptor> entries_;  ///< empty until the first use
};

}  // namespace whorl::wasi::p1
