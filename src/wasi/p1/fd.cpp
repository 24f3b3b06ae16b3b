// Functions that take a descriptor.
#include "wasi/p1/preview1.hpp"
#include "wasi/p1/stream_readiness.hpp"

#include <algorithm>
#include <cstring>

namespace whorl::wasi::p1 {
namespace {

using Kind = Descriptor::Kind;

/// What a function that needs a file answers for standard input and output.
Errno no_file(const Descriptor* descriptor, Errno otherwise = Errno::BadDescriptor) noexcept {
  return descriptor == nullptr ? Errno::BadDescriptor : otherwise;
}

}  // namespace

bool Preview1::wait_for(Guest& guest, Readiness& item) {
  auto waited = wasi::wait_for(guest.fiber(), context_.timers, item);
  if (!waited) {
    guest.fail(std::move(waited.error()));
    return false;
  }
  guest.refresh();
  return true;
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
      sink.write(guest.range(buffer.ptr + done, size));
      done += static_cast<std::uint32_t>(size);
    }
  }
  guest.write(out, from.bytes());
  return Errno::Success;
}

Errno Preview1::fd_read(Guest& guest, U32 fd, Ptr iovs, U32 count, Ptr bytes_read) {
  const Descriptor* found = descriptors_.find(fd);
  if (found == nullptr || found->kind != Kind::Input) {
    return Errno::BadDescriptor;
  }
  Buffers into;
  guest.read_buffers(iovs, count, into);
  if (!guest.check(bytes_read, 4, 4) || guest.failed()) {
    return Errno::Fault;
  }
  return read_input(guest, found->input, into, bytes_read);
}

Errno Preview1::fd_write(Guest& guest, U32 fd, Ptr iovs, U32 count, Ptr bytes_written) {
  const Descriptor* found = descriptors_.find(fd);
  if (found == nullptr || found->kind != Kind::Output) {
    return Errno::BadDescriptor;
  }
  Buffers from;
  guest.read_buffers(iovs, count, from);
  if (!guest.check(bytes_written, 4, 4) || guest.failed()) {
    return Errno::Fault;
  }
  return write_output(guest, *found->output, from, bytes_written);
}

Errno Preview1::fd_pread(Guest&, U32 fd, Ptr, U32, U64, Ptr) {
  return no_file(descriptors_.find(fd), Errno::IllegalSeek);
}

Errno Preview1::fd_pwrite(Guest&, U32 fd, Ptr, U32, U64, Ptr) {
  return no_file(descriptors_.find(fd), Errno::IllegalSeek);
}

Errno Preview1::fd_seek(Guest&, U32 fd, U64, U32, Ptr) {
  return no_file(descriptors_.find(fd), Errno::IllegalSeek);
}

Errno Preview1::fd_tell(Guest&, U32 fd, Ptr) {
  return no_file(descriptors_.find(fd), Errno::IllegalSeek);
}

Errno Preview1::fd_advise(Guest&, U32 fd, U64, U64, U32) {
  return no_file(descriptors_.find(fd), Errno::IllegalSeek);
}

Errno Preview1::fd_allocate(Guest&, U32 fd, U64, U64) {
  return no_file(descriptors_.find(fd));
}

Errno Preview1::fd_close(Guest&, U32 fd) {
  return descriptors_.close(fd);
}

Errno Preview1::fd_renumber(Guest&, U32 from, U32 to) {
  return descriptors_.renumber(from, to);
}

Errno Preview1::fd_datasync(Guest&, U32 fd) {
  return no_file(descriptors_.find(fd));
}

Errno Preview1::fd_sync(Guest&, U32 fd) {
  return no_file(descriptors_.find(fd));
}

Errno Preview1::fd_fdstat_get(Guest& guest, U32 fd, Ptr out) {
  const Descriptor* found = descriptors_.find(fd);
  if (found == nullptr) {
    return Errno::BadDescriptor;
  }
  if (!guest.check(out, kFdstatSize, 8)) {
    return Errno::Fault;
  }
  const std::uint64_t right = found->kind == Kind::Input ? rights::kRead : rights::kWrite;
  guest.write(out, static_cast<std::uint64_t>(FileType::Unknown));
  guest.write(out + 8, right);
  guest.write(out + 16, right);
  return Errno::Success;
}

Errno Preview1::fd_fdstat_set_flags(Guest&, U32 fd, U32) {
  return no_file(descriptors_.find(fd));
}

Errno Preview1::fd_fdstat_set_rights(Guest&, U32 fd, U64, U64) {
  // Rights follow from how a descriptor was opened; hosts of today let nobody drop them.
  return no_file(descriptors_.find(fd), Errno::NotSupported);
}

Errno Preview1::fd_filestat_get(Guest& guest, U32 fd, Ptr out) {
  if (descriptors_.find(fd) == nullptr) {
    return Errno::BadDescriptor;
  }
  const MutableByteView record = guest.range(out, kFilestatSize);
  if (!guest.check(out, kFilestatSize, 8)) {
    return Errno::Fault;
  }
  std::ranges::fill(record, std::uint8_t{0});
  guest.write(out + 16, static_cast<std::uint8_t>(FileType::Unknown));
  return Errno::Success;
}

Errno Preview1::fd_filestat_set_size(Guest&, U32 fd, U64) {
  return no_file(descriptors_.find(fd));
}

Errno Preview1::fd_filestat_set_times(Guest&, U32 fd, U64, U64, U32) {
  return no_file(descriptors_.find(fd));
}

Errno Preview1::fd_prestat_get(Guest&, U32 fd, Ptr) {
  return no_file(descriptors_.find(fd));
}

Errno Preview1::fd_prestat_dir_name(Guest&, U32 fd, Ptr, U32) {
  return no_file(descriptors_.find(fd), Errno::NotDirectory);
}

Errno Preview1::fd_readdir(Guest&, U32 fd, Ptr, U32, U64, Ptr) {
  return no_file(descriptors_.find(fd), Errno::NotDirectory);
}

// No socket is ever granted.

Errno Preview1::sock_accept(Guest&, U32 fd, U32, Ptr) {
  return no_file(descriptors_.find(fd), Errno::NotSocket);
}

Errno Preview1::sock_recv(Guest&, U32 fd, Ptr, U32, U32, Ptr, Ptr) {
  return no_file(descriptors_.find(fd), Errno::NotSocket);
}

Errno Preview1::sock_send(Guest&, U32 fd, Ptr, U32, U32, Ptr) {
  return no_file(descriptors_.find(fd), Errno::NotSocket);
}

Errno Preview1::sock_shutdown(Guest&, U32 fd, U32) {
  return no_file(descriptors_.find(fd), Errno::NotSocket);
}

}  // namespace whorl::wasi::p1
