#include "wasi/p2/file_streams.hpp"

#include <utility>

namespace whorl::wasi::p2 {
namespace {

std::unique_ptr<IoError> file_error(std::string text, int number) {
  auto error = std::make_unique<IoError>(std::move(text));
  error->set_os_error(number);
  return error;
}

}  // namespace

// --- FileSource ----------------------------------------------------------------------------------

FileSource::FileSource(
    std::shared_ptr<files::File> file,
    std::uint64_t offset,
    BlockingWork* blocking,
    MemoryCharge charge
)
    : file_(std::move(file)),
      offset_(offset),
      blocking_(blocking),
      charge_(std::move(charge)),
      fetch_(std::make_shared<Fetch>()) {}

ByteView FileSource::available() {
  if (begin_ == end_ && !ended_ && failure_ == 0) {
    fill();
  }
  return ByteView(fetch_->buffer).subspan(begin_, end_ - begin_);
}

void FileSource::consume(std::size_t count) {
  begin_ += count;
}

ByteSource::State FileSource::state() {
  if (failure_ != 0) {
    return State::Failed;
  }
  return ended_ && begin_ == end_ ? State::Ended : State::Open;
}

std::unique_ptr<IoError> FileSource::failure() {
  return file_error("the file cannot be read", failure_);
}

void FileSource::take(files::OsResult<std::uint64_t> outcome) {
  begin_ = 0;
  end_ = outcome ? static_cast<std::size_t>(*outcome) : 0;
  offset_ += end_;
  ended_ = outcome && *outcome == 0;
  failure_ = outcome ? 0 : outcome.error();
}

bool FileSource::start_fetch() {
  fetch_->under_way = true;
  const auto started = blocking_->start(
      [fetch = fetch_, file = file_, offset = offset_] {
        const iovec into{fetch->buffer.data(), fetch->buffer.size()};
        fetch->outcome = file->read_at({&into, 1}, offset);
      },
      [fetch = fetch_] {
        fetch->under_way = false;
        fetch->filled.notify();
      }
  );
  fetch_->under_way = started.has_value();
  return started.has_value();
}

void FileSource::fill() {
  if (fetch_->under_way) {
    return;
  }
  if (std::exchange(fetching_, false)) {
    take(fetch_->outcome);
    return;
  }
  fetch_->buffer.resize(kBufferBytes);
  const iovec into{fetch_->buffer.data(), fetch_->buffer.size()};
  auto outcome = file_->read_cached_at({&into, 1}, offset_);
  if (!outcome && outcome.error() == EAGAIN) {
    if (blocking_ != nullptr && start_fetch()) {
      fetching_ = true;
      begin_ = end_ = 0;
      return;
    }
    outcome = file_->read_at({&into, 1}, offset_);
  }
  take(outcome);
}

// --- FileSink ------------------------------------------------------------------------------------

std::unique_ptr<IoError> FileSink::write(ByteView bytes) {
  while (!bytes.empty()) {
    const iovec from{const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
    const auto written = offset_ ? file_->write_at({&from, 1}, *offset_, {})
                                 : file_->write({&from, 1}, {.append = true});
    if (!written || *written == 0) {
      return file_error("the file cannot be written", written ? EIO : written.error());
    }
    if (offset_) {
      *offset_ += *written;
    }
    bytes = bytes.subspan(static_cast<std::size_t>(*written));
  }
  return nullptr;
}

}  // namespace whorl::wasi::p2
