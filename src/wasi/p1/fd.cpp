// Reading, writing, seeking; the table of descriptors; sockets.
#include "wasi/p1/os_errno.hpp"
#include "wasi/p1/preview1.hpp"
#include "wasi/p1/stream_readiness.hpp"

#include <algorithm>
#include <array>

namespace whorl::wasi::p1 {
namespace {

using Kind = Descriptor::Kind;

/// The buffers of a call as the kernel takes them. Good until the guest goes on.
class IoVectors {
 public:
  IoVectors(Guest& guest, const Buffers& buffers) {
    for (const Range& buffer : buffers.items()) {
      const MutableByteView bytes = guest.range(buffer.ptr, buffer.size);
      items_[count_++] = {bytes.data(), bytes.size()};
    }
  }
  [[nodiscard]] std::span<const iovec> items() const noexcept { return {items_.data(), count_}; }

 private:
  std::array<iovec, Buffers::kMax> items_;
  std::size_t count_ = 0;
};

files::WriteMode write_mode(std::uint32_t flags) noexcept {
  return {
      .append = (flags & fdflags::kAppend) != 0,
      .data_sync = (flags & fdflags::kDsync) != 0,
      .sync = (flags & fdflags::kSync) != 0,
  };
}

/// Reports a count of bytes; room for it was checked before.
Errno give_count(Guest& guest, const files::OsResult<std::uint64_t>& count, Ptr out) {
  if (count) {
    guest.write(out, static_cast<std::uint32_t>(*count));
  }
  return to_errno(count);
}

}  // namespace

std::expected<Descriptor*, Errno> Preview1::file_at(U32 fd, Errno for_streams) {
  Descriptor* found = descriptors_.find(fd);
  if (found == nullptr || found->kind == Kind::Directory) {
    return std::unexpected(Errno::BadDescriptor);
  }
  if (found->kind != Kind::File) {
    return std::unexpected(for_streams);
  }
  return found;
}

bool Preview1::wait_for(Guest& guest, Readiness& item) {
  auto waited = wasi::wait_for(guest.fiber(), context_.timers, item);
  if (!waited) {
    guest.fail(std::move(waited.error()));
    return false;
  }
  guest.refresh();
  return true;
}

bool Preview1::take_buffers(Guest& guest, Ptr iovs, U32 count, Ptr out, Buffers& buffers) {
  guest.read_buffers(iovs, count, buffers);
  return guest.check(out, 4, 4) && !guest.failed();
}

Errno Preview1::read_input(Guest& guest, InputSource* source, const Buffers& into, Ptr out) {
  std::uint32_t total = 0;
  if (source != nullptr && into.bytes() > 0) {
    InputReadiness ready(*source);
    if (!wait_for(guest, ready)) {
      return Errno::Canceled;
    }
    for (const Range& buffer : into.items()) {
      const ByteView there = source->available();
      const ByteView part = there.first(std::min<std::size_t>(there.size(), buffer.size));
      if (part.empty()) {
        break;
      }
      guest.write_bytes(buffer.ptr, part);
      total += static_cast<std::uint32_t>(part.size());
      source->consume(part.size());
    }
  }
  guest.write(out, total);
  return Errno::Success;
}

Errno Preview1::write_output(Guest& guest, OutputSink& sink, const Buffers& from, Ptr out) {
  OutputReadiness ready(sink);
  for (const Range& buffer : from.items()) {
    for (std::uint32_t done = 0; done < buffer.size;) {
      if (!wait_for(guest, ready)) {
        return Errno::Canceled;
      }
      const auto size = std::min<std::size_t>(sink.room(), buffer.size - done);
      sink.write(guest.view(buffer.ptr + done, size));
      done += static_cast<std::uint32_t>(size);
    }
  }
  guest.write(out, from.bytes());
  return Errno::Success;
}

Errno Preview1::fd_read(Guest& guest, U32 fd, Ptr iovs, U32 count, Ptr bytes_read) {
  Descriptor* found = descriptors_.find(fd);
  if (found == nullptr || (found->kind != Kind::Input && found->kind != Kind::File)) {
    return Errno::BadDescriptor;
  }
  Buffers into;
  if (!take_buffers(guest, iovs, count, bytes_read, into)) {
    return Errno::Fault;
  }
  if (found->kind == Kind::Input) {
    return read_input(guest, found->input, into, bytes_read);
  }
  return give_count(guest, found->file->read(IoVectors(guest, into).items()), bytes_read);
}

Errno Preview1::fd_write(Guest& guest, U32 fd, Ptr iovs, U32 count, Ptr bytes_written) {
  Descriptor* found = descriptors_.find(fd);
  if (found == nullptr || (found->kind != Kind::Output && found->kind != Kind::File)) {
    return Errno::BadDescriptor;
  }
  Buffers from;
  if (!take_buffers(guest, iovs, count, bytes_written, from)) {
    return Errno::Fault;
  }
  if (found->kind == Kind::Output) {
    return write_output(guest, *found->output, from, bytes_written);
  }
  const files::WriteMode mode = write_mode(found->flags);
  return give_count(guest, found->file->write(IoVectors(guest, from).items(), mode), bytes_written);
}

Errno Preview1::fd_pread(Guest& guest, U32 fd, Ptr iovs, U32 count, U64 offset, Ptr bytes_read) {
  const auto found = file_at(fd, Errno::IllegalSeek);
  if (!found) {
    return found.error();
  }
  Buffers into;
  if (!take_buffers(guest, iovs, count, bytes_read, into)) {
    return Errno::Fault;
  }
  files::File& file = *(*found)->file;
  return give_count(guest, file.read_at(IoVectors(guest, into).items(), offset), bytes_read);
}

Errno Preview1::fd_pwrite(
    Guest& guest, U32 fd, Ptr iovs, U32 count, U64 offset, Ptr bytes_written
) {
  const auto found = file_at(fd, Errno::IllegalSeek);
  if (!found) {
    return found.error();
  }
  Buffers from;
  if (!take_buffers(guest, iovs, count, bytes_written, from)) {
    return Errno::Fault;
  }
  const files::WriteMode mode = write_mode((*found)->flags);
  return give_count(
      guest, (*found)->file->write_at(IoVectors(guest, from).items(), offset, mode), bytes_written
  );
}

Errno Preview1::fd_seek(Guest& guest, U32 fd, U64 offset, U32 whence, Ptr out) {
  const auto found = file_at(fd, Errno::IllegalSeek);
  if (!found) {
    return found.error();
  }
  constexpr std::array kWhences{files::Whence::Start, files::Whence::Current, files::Whence::End};
  if (whence >= kWhences.size()) {
    return Errno::Invalid;
  }
  if (!guest.check(out, 8, 8)) {
    return Errno::Fault;
  }
  const auto at = (*found)->file->seek(static_cast<std::int64_t>(offset), kWhences[whence]);
  if (at) {
    guest.write(out, *at);
  }
  return to_errno(at);
}

Errno Preview1::fd_tell(Guest& guest, U32 fd, Ptr out) {
  return fd_seek(guest, fd, 0, whence::kCurrent, out);
}

Errno Preview1::fd_close(Guest&, U32 fd) {
  return descriptors_.close(fd);
}

Errno Preview1::fd_renumber(Guest&, U32 from, U32 to) {
  return descriptors_.renumber(from, to);
}

// No socket is ever granted.

Errno Preview1::no_socket(U32 fd) {
  return descriptors_.find(fd) == nullptr ? Errno::BadDescriptor : Errno::NotSocket;
}

Errno Preview1::sock_accept(Guest&, U32 fd, U32, Ptr) {
  return no_socket(fd);
}

Errno Preview1::sock_recv(Guest&, U32 fd, Ptr, U32, U32, Ptr, Ptr) {
  return no_socket(fd);
}

Errno Preview1::sock_send(Guest&, U32 fd, Ptr, U32, U32, Ptr) {
  return no_socket(fd);
}

Errno Preview1::sock_shutdown(Guest&, U32 fd, U32) {
  return no_socket(fd);
}

}  // namespace whorl::wasi::p1
