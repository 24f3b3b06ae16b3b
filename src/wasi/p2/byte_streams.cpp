#include "wasi/p2/byte_streams.hpp"

namespace whorl::wasi::p2 {

std::unique_ptr<IoError> ByteSource::failure() {
  return std::make_unique<IoError>("the stream has failed");
}

std::unique_ptr<IoError> OutputSinkStream::write(ByteView bytes) {
  sink_.write(bytes);
  return nullptr;
}

}  // namespace whorl::wasi::p2
