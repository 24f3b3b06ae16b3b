#include "net/watched_socket.hpp"

#include "async/awaitable.hpp"

#include <boost/asio/posix/basic_stream_descriptor.hpp>

namespace whorl::net {

struct WatchedSocket::State : std::enable_shared_from_this<State> {
  using Descriptor = boost::asio::posix::basic_stream_descriptor<async::Executor>;

  State(async::Shard& shard, fs::Fd socket) : descriptor(shard.io(), socket.release()) {}

  void watch(Descriptor::wait_type what, bool& watching) {
    if (watching || !descriptor.is_open()) {
      return;
    }
    watching = true;
    descriptor.async_wait(
        what,
        [self = shared_from_this(), &watching](const boost::system::error_code&) {
          watching = false;
          if (self->descriptor.is_open()) {
            self->changed.notify();
          }
        }
    );
  }

  Descriptor descriptor;
  async::Event changed;
  bool watching_readable = false;
  bool watching_writable = false;
};

WatchedSocket::WatchedSocket(async::Shard& shard, fs::Fd socket)
    : state_(std::make_shared<State>(shard, std::move(socket))) {}

WatchedSocket::~WatchedSocket() {
  boost::system::error_code ignored;
  state_->descriptor.close(ignored);
}

int WatchedSocket::fd() const noexcept {
  return state_->descriptor.native_handle();
}

void WatchedSocket::watch_readable() {
  state_->watch(State::Descriptor::wait_read, state_->watching_readable);
}

void WatchedSocket::watch_writable() {
  state_->watch(State::Descriptor::wait_write, state_->watching_writable);
}

async::Event& WatchedSocket::changed() noexcept {
  return state_->changed;
}

}  // namespace whorl::net
