// Functions that take a path below a directory. No directory is granted, so all of them say which
// descriptor they were given.
#include "wasi/p1/preview1.hpp"

namespace whorl::wasi::p1 {
namespace {

Errno no_directory(const Descriptor* descriptor) noexcept {
  return descriptor == nullptr ? Errno::BadDescriptor : Errno::NotDirectory;
}

}  // namespace

Errno Preview1::path_create_directory(Guest&, U32 fd, Ptr, U32) {
  return no_directory(descriptors_.find(fd));
}

Errno Preview1::path_filestat_get(Guest&, U32 fd, U32, Ptr, U32, Ptr) {
  return no_directory(descriptors_.find(fd));
}

Errno Preview1::path_filestat_set_times(Guest&, U32 fd, U32, Ptr, U32, U64, U64, U32) {
  return no_directory(descriptors_.find(fd));
}

Errno Preview1::path_link(Guest&, U32 old_fd, U32, Ptr, U32, U32, Ptr, U32) {
  return no_directory(descriptors_.find(old_fd));
}

Errno Preview1::path_open(Guest&, U32 fd, U32, Ptr, U32, U32, U64, U64, U32, Ptr) {
  return no_directory(descriptors_.find(fd));
}

Errno Preview1::path_readlink(Guest&, U32 fd, Ptr, U32, Ptr, U32, Ptr) {
  return no_directory(descriptors_.find(fd));
}

Errno Preview1::path_remove_directory(Guest&, U32 fd, Ptr, U32) {
  return no_directory(descriptors_.find(fd));
}

Errno Preview1::path_rename(Guest&, U32 fd, Ptr, U32, U32, Ptr, U32) {
  return no_directory(descriptors_.find(fd));
}

Errno Preview1::path_symlink(Guest&, Ptr, U32, U32 fd, Ptr, U32) {
  return no_directory(descriptors_.find(fd));
}

Errno Preview1::path_unlink_file(Guest&, U32 fd, Ptr, U32) {
  return no_directory(descriptors_.find(fd));
}

}  // namespace whorl::wasi::p1
