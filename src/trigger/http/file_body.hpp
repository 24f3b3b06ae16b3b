/// FileBody: brings a part of a file into a body as fast as its reader takes it. @thread shard
#pragma once

#include "async/event.hpp"
#include "async/shard.hpp"
#include "base/local_ptr.hpp"
#include "http/body.hpp"
#include "wasi/files/file.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>

namespace whorl::trigger {

class FileBody final : public async::Waiter, public std::enable_shared_from_this<FileBody> {
 public:
  /// Bytes read at a time.
  static constexpr std::size_t kPieceBytes = std::size_t{8} * 1024;

  /// Fills a new body with `size` bytes from `offset` on, what fits at once, the rest as the reader
  /// goes on. A file that has become shorter meanwhile cuts the body.
  /// @param shard  outlives the body's reader
  [[nodiscard]] static LocalPtr<http::BodyPipe> start(
      async::Shard& shard, wasi::files::File file, std::uint64_t offset, std::uint64_t size
  );

  /// For start().
  FileBody(async::Shard& shard, wasi::files::File file, std::uint64_t offset, std::uint64_t size);

 private:
  void on_event() noexcept override;
  /// @return false when nothing is left to do, well or badly
  [[nodiscard]] bool pump();
  void wait();

  async::Shard& shard_;
  wasi::files::File file_;
  std::uint64_t offset_;
  std::uint64_t left_;
  LocalPtr<http::BodyPipe> body_;
  std::shared_ptr<FileBody> self_;  ///< while it waits
};

}  // namespace whorl::trigger
