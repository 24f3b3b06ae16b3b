#include "wasi/p1/descriptors.hpp"

#include <utility>

namespace whorl::wasi::p1 {

void Descriptors::open_first() {
  entries_.reserve(4);
  entries_.push_back({Descriptor::Kind::Input, context_.standard_input, nullptr});
  entries_.push_back({Descriptor::Kind::Output, nullptr, &context_.standard_output});
  entries_.push_back({Descriptor::Kind::Output, nullptr, &context_.standard_error});
}

Descriptor* Descriptors::find(std::uint32_t fd) {
  if (entries_.empty()) {
    open_first();
  }
  if (fd >= entries_.size() || entries_[fd].kind == Descriptor::Kind::Closed) {
    return nullptr;
  }
  return &entries_[fd];
}

Errno Descriptors::close(std::uint32_t fd) {
  Descriptor* found = find(fd);
  if (found == nullptr) {
    return Errno::BadDescriptor;
  }
  *found = {};
  return Errno::Success;
}

Errno Descriptors::renumber(std::uint32_t from, std::uint32_t to) {
  Descriptor* source = find(from);
  Descriptor* target = find(to);
  if (source == nullptr || target == nullptr) {
    return Errno::BadDescriptor;
  }
  if (source != target) {
    *target = std::exchange(*source, {});
  }
  return Errno::Success;
}

void Descriptors::reset() noexcept {
  entries_.clear();
}

}  // namespace whorl::wasi::p1
