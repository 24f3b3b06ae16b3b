/// Descriptors: the numbered open things of one component instance.
///
/// 0 is standard input, 1 standard output, 2 standard error, from 3 on the granted directories in
/// their order. @thread shard
#pragma once

#include "wasi/context.hpp"
#include "wasi/files/directory.hpp"
#include "wasi/files/file.hpp"
#include "wasi/files/listing.hpp"
#include "wasi/p1/abi.hpp"

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace whorl::wasi::p1 {

/// One entry of the table. What belongs to its kind is set.
struct Descriptor {
  enum class Kind : std::uint8_t { Closed, Input, Output, File, Directory };
  Kind kind = Kind::Closed;
  std::uint32_t flags = 0;       ///< fdflags, of File
  InputSource* input = nullptr;  ///< null: ended
  OutputSink* output = nullptr;
  std::unique_ptr<files::File> file;
  std::shared_ptr<const files::Directory> directory;
  std::unique_ptr<files::Listing> listing;     ///< of Directory, once it was listed
  std::optional<std::string_view> guest_path;  ///< of a granted Directory
  bool is_counted = false;                     ///< in what all tables have opened
};

class Descriptors {
 public:
  /// Descriptors of one table, and of what is opened in all tables of an instance; each may stand
  /// for two of the process.
  static constexpr std::size_t kMax = 256;

  /// @param opened  how many all tables of the instance have opened; outlives this one
  Descriptors(const InstanceContext& context, std::size_t& opened) noexcept
      : context_(context), opened_(opened) {}

  /// The descriptor of that number; null if there is none. Good until the table changes.
  [[nodiscard]] Descriptor* find(std::uint32_t fd);
  /// Puts a descriptor at the lowest free number. @return TooManyOpen when the table is full
  [[nodiscard]] std::expected<std::uint32_t, Errno> add(Descriptor descriptor);
  /// Whether add() has room.
  [[nodiscard]] bool has_room();
  /// Closes an open descriptor.
  [[nodiscard]] Errno close(std::uint32_t fd);
  /// Gives `from` the number of `to`, which is closed first. Both are open.
  [[nodiscard]] Errno renumber(std::uint32_t from, std::uint32_t to);
  /// Back to the descriptors an instance starts with.
  void reset() noexcept;

 private:
  void open_first();
  [[nodiscard]] std::size_t lowest_free();
  void empty(Descriptor& entry) noexcept;

  const InstanceContext& context_;
  std::size_t& opened_;
  std::vector<Descriptor> entries_;  ///< empty until the first use
};

}  // namespace whorl::wasi::p1
