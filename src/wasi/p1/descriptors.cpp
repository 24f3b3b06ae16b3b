#include "wasi/p1/descriptors.hpp"

#include <algorithm>
#include <utility>

namespace whorl::wasi::p1 {

using Kind = Descriptor::Kind;

void Descriptors::open_first() {
  entries_.reserve(4 + context_.preopens.size());
  Descriptor& input = entries_.emplace_back();
  input.kind = Kind::Input;
  input.input = context_.standard_input;
  for (OutputSink* sink : {&context_.standard_output, &context_.standard_error}) {
    Descriptor& output = entries_.emplace_back();
    output.kind = Kind::Output;
    output.output = sink;
  }
  for (const Preopen& preopen : context_.preopens) {
    Descriptor& granted = entries_.emplace_back();
    granted.kind = Kind::Directory;
    granted.directory = preopen.directory;
    granted.guest_path = preopen.guest_path;
  }
}

Descriptor* Descriptors::find(std::uint32_t fd) {
  if (entries_.empty()) {
    open_first();
  }
  if (fd >= entries_.size() || entries_[fd].kind == Kind::Closed) {
    return nullptr;
  }
  return &entries_[fd];
}

std::size_t Descriptors::lowest_free() {
  if (entries_.empty()) {
    open_first();
  }
  const auto free = std::ranges::find(entries_, Kind::Closed, &Descriptor::kind);
  return static_cast<std::size_t>(free - entries_.begin());
}

bool Descriptors::has_room() {
  return opened_ < kMax && lowest_free() < std::max(kMax, 3 + context_.preopens.size());
}

std::expected<std::uint32_t, Errno> Descriptors::add(Descriptor descriptor) {
  if (!has_room()) {
    return std::unexpected(Errno::TooManyOpen);
  }
  const std::size_t at = lowest_free();
  if (at == entries_.size()) {
    entries_.emplace_back();
  }
  entries_[at] = std::move(descriptor);
  entries_[at].is_counted = true;
  ++opened_;
  return static_cast<std::uint32_t>(at);
}

Errno Descriptors::close(std::uint32_t fd) {
  Descriptor* found = find(fd);
  if (found == nullptr) {
    return Errno::BadDescriptor;
  }
  empty(*found);
  return Errno::Success;
}

Errno Descriptors::renumber(std::uint32_t from, std::uint32_t to) {
  Descriptor* source = find(from);
  Descriptor* target = find(to);
  if (source == nullptr || target == nullptr) {
    return Errno::BadDescriptor;
  }
  if (source != target) {
    empty(*target);
    *target = std::exchange(*source, {});
  }
  return Errno::Success;
}

void Descriptors::empty(Descriptor& entry) noexcept {
  opened_ -= entry.is_counted ? 1 : 0;
  entry = {};
}

void Descriptors::reset() noexcept {
  for (const Descriptor& entry : entries_) {
    opened_ -= entry.is_counted ? 1 : 0;
  }
  entries_.clear();
}

}  // namespace whorl::wasi::p1
