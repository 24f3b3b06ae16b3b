/// The streams of an open file: bytes from an offset on, bytes to an offset or to the end.
/// @thread shard
#pragma once

#include "wasi/blocking_work.hpp"
#include "wasi/files/file.hpp"
#include "wasi/host_memory.hpp"
#include "wasi/p2/byte_streams.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

namespace whorl::wasi::p2 {

/// Reads ahead one buffer at a time; what is not in the page cache is fetched away from the shard.
class FileSource final : public ByteSource {
 public:
  /// Bytes read at once.
  static constexpr std::size_t kBufferBytes = std::size_t{64} * 1024;

  /// @param blocking  null: reads that block do so here. Outlives the instance.
  /// @param charge    for the buffer
  FileSource(
      std::shared_ptr<files::File> file,
      std::uint64_t offset,
      BlockingWork* blocking,
      MemoryCharge charge
  );

  [[nodiscard]] ByteView available() override;
  void consume(std::size_t count) override;
  [[nodiscard]] State state() override;
  [[nodiscard]] std::unique_ptr<IoError> failure() override;
  [[nodiscard]] async::Event* event() noexcept override { return &fetch_->filled; }

 private:
  /// Shared with a read under way, which may outlive the stream.
  struct Fetch {
    Bytes buffer;
    files::OsResult<std::uint64_t> outcome{0};
    bool under_way = false;
    async::Event filled;
  };
  void fill();
  void take(files::OsResult<std::uint64_t> outcome);
  [[nodiscard]] bool start_fetch();

  std::shared_ptr<files::File> file_;
  std::uint64_t offset_;
  BlockingWork* blocking_;
  MemoryCharge charge_;
  std::shared_ptr<Fetch> fetch_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  bool fetching_ = false;  ///< a read's outcome is still to be taken
  bool ended_ = false;
  int failure_ = 0;  ///< errno
};

/// Writes at once, to the page cache.
class FileSink final : public ByteSink {
 public:
  /// @param offset  nothing: to the end, wherever that is
  FileSink(std::shared_ptr<files::File> file, std::optional<std::uint64_t> offset) noexcept
      : file_(std::move(file)), offset_(offset) {}

  [[nodiscard]] bool is_closed() override { return false; }
  [[nodiscard]] std::size_t room() override { return std::size_t{64} * 1024; }
  [[nodiscard]] std::unique_ptr<IoError> write(ByteView bytes) override;

 private:
  std::shared_ptr<files::File> file_;
  std::optional<std::uint64_t> offset_;
};

}  // namespace whorl::wasi::p2
