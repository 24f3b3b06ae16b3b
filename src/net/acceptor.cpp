#include "net/acceptor.hpp"

#include "async/awaitable.hpp"
#include "async/deadline.hpp"
#include "async/event.hpp"

#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace whorl::net {
namespace {

using namespace std::chrono_literals;

// Connections taken in one go; others on the shard come to their turn after that.
constexpr int kBatch = 64;
constexpr int kBacklogBatches = 64;
// While descriptors are short: how long to wait, and how many clients to turn away each time.
constexpr auto kBackOff = 20ms;
constexpr int kTurnedAway = 8;
constexpr auto kErrorInterval = 1s;

/// What a try to accept came to; of a batch: One when there may be more.
enum class Taken : std::uint8_t { One, None, Exhausted };

fs::Fd open_reserve() {
  return fs::Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

}  // namespace

struct Acceptor::State {
  State(async::Shard& on, fs::Fd listening, AcceptSink& to)
      : shard(on), socket(on.io(), listening.release()), sink(&to), reserve(open_reserve()) {}

  static async::Awaitable<> run(std::shared_ptr<State> self);
  Taken take_batch();
  Taken take_one();
  void turn_away();
  void report(int error_number);

  async::Shard& shard;
  boost::asio::posix::basic_stream_descriptor<async::Executor> socket;
  AcceptSink* sink;  ///< null once the acceptor is gone
  fs::Fd reserve;
  async::Event resumed;
  async::Clock::time_point last_report;
};

void Acceptor::State::report(int error_number) {
  const auto now = async::Clock::now();
  if (last_report == async::Clock::time_point() || now - last_report >= kErrorInterval) {
    last_report = now;
    sink->on_accept_error(fs::errno_error(error_number).context("cannot accept a connection"));
  }
}

Taken Acceptor::State::take_one() {
  sockaddr_storage peer{};
  socklen_t size = sizeof(peer);
  auto* address = reinterpret_cast<sockaddr*>(&peer);
  fs::Fd fd(::accept4(socket.native_handle(), address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (fd.is_open()) {
    sink->on_accept(std::move(fd), SocketAddress(address, size));
    return Taken::One;
  }
  switch (errno) {
    case EAGAIN:
      return Taken::None;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
      report(errno);
      return Taken::Exhausted;
    case EBADF:
    case EINVAL:
    case ENOTSOCK:
    case EOPNOTSUPP:
      // Cannot happen to a listening socket; waiting keeps it from becoming a busy loop.
      report(errno);
      return Taken::Exhausted;
    default:
      // The one connection failed before it was taken (accept(2), "Error handling").
      return Taken::One;
  }
}

Taken Acceptor::State::take_batch() {
  for (int i = 0; i < kBatch; ++i) {
    if (sink == nullptr || !sink->has_room()) {
      return Taken::None;
    }
    if (const Taken taken = take_one(); taken != Taken::One) {
      return taken;
    }
  }
  return Taken::One;
}

/// Clients learn at once that there is no room, instead of waiting for their own time-out.
void Acceptor::State::turn_away() {
  for (int i = 0; i < kTurnedAway; ++i) {
    reserve = fs::Fd();
    const fs::Fd refused(::accept4(socket.native_handle(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!refused.is_open()) {
      break;
    }
  }
  if (!reserve.is_open()) {
    reserve = open_reserve();
  }
}

async::Awaitable<> Acceptor::State::run(std::shared_ptr<State> self) {
  while (self->sink != nullptr) {
    if (!self->sink->has_room()) {
      (void)co_await async::wait_event(self->shard, self->resumed);
      continue;
    }
    (void)co_await self->socket.async_wait(
        boost::asio::posix::descriptor_base::wait_read, async::kAwait
    );
    if (self->sink == nullptr || self->take_batch() != Taken::Exhausted) {
      continue;
    }
    self->sink->on_exhausted();
    (void)co_await async::wait_event(self->shard, self->resumed, async::Deadline::after(kBackOff));
    if (self->sink != nullptr && self->take_batch() == Taken::Exhausted) {
      self->turn_away();
    }
  }
}

Acceptor::Acceptor(async::Shard& shard, fs::Fd listening, AcceptSink& sink)
    : state_(std::make_shared<State>(shard, std::move(listening), sink)) {
  async::spawn(shard, State::run(state_));
}

Acceptor::~Acceptor() {
  state_->sink = nullptr;
  boost::system::error_code ignored;
  state_->socket.close(ignored);
  state_->resumed.notify();
}

void Acceptor::accept_waiting() {
  // A client that connects again and again must not keep this from ending.
  for (int i = 0; i < kBacklogBatches; ++i) {
    const Taken taken = state_->take_batch();
    if (taken != Taken::One) {
      return;
    }
  }
}

void Acceptor::resume() {
  state_->resumed.notify();
}

}  // namespace whorl::net
