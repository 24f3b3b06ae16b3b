#include "trigger/http/file_body.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace whorl::trigger {

LocalPtr<http::BodyPipe> FileBody::start(
    async::Shard& shard, wasi::files::File file, std::uint64_t offset, std::uint64_t size
) {
  const auto pump = std::make_shared<FileBody>(shard, std::move(file), offset, size);
  if (pump->pump()) {
    pump->wait();
  }
  return pump->body_;
}

FileBody::FileBody(
    async::Shard& shard, wasi::files::File file, std::uint64_t offset, std::uint64_t size
)
    : shard_(shard),
      file_(std::move(file)),
      offset_(offset),
      left_(size),
      body_(make_local<http::BodyPipe>()) {}

void FileBody::wait() {
  self_ = shared_from_this();
  body_->writable_event().add(*this);
}

void FileBody::on_event() noexcept {
  // Events fire inside the reader's calls.
  shard_.post([self = std::exchange(self_, nullptr)] {
    if (self->pump()) {
      self->wait();
    }
  });
}

bool FileBody::pump() {
  std::array<std::uint8_t, kPieceBytes> piece;
  while (left_ > 0) {
    const std::size_t room = body_->writable_bytes();
    if (body_->reader_gone()) {
      return false;
    }
    if (room == 0) {
      return true;
    }
    const iovec into{
        .iov_base = piece.data(),
        .iov_len = static_cast<std::size_t>(std::min<std::uint64_t>({room, piece.size(), left_}))
    };
    const auto count = file_.read_at({&into, 1}, offset_);
    if (!count || *count == 0) {
      body_->fail(ErrorKind::Internal);
      return false;
    }
    body_->write({piece.data(), static_cast<std::size_t>(*count)});
    offset_ += *count;
    left_ -= *count;
  }
  body_->finish();
  return false;
}

}  // namespace whorl::trigger
