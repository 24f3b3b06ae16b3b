#include "telemetry/access_log.hpp"

#include "async/work_lane.hpp"
#include "log/rate_limit.hpp"
#include "log/terminal.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>
#include <condition_variable>
#include <mutex>
#include <utility>
#include <vector>

namespace whorl::telemetry {
namespace {

constexpr std::string_view kLogTarget = "whorl::telemetry";
constexpr int kStandardOutput = 1;
/// For the reader of a pipe to read on while a batch is written, before lines are given up.
constexpr std::chrono::milliseconds kPatience{1000};
/// How often is looked whether the file was renamed.
constexpr std::chrono::seconds kReopenInterval{1};

constinit log::RateLimit failure_reports{1, std::chrono::seconds(10)};

/// Bytes after which the system is told that what was written is not read here.
constexpr std::int64_t kLetGoStep = std::int64_t{4} << 20;
/// Buffers that are kept for lines to come, and most bytes of one.
constexpr std::size_t kMaxBuffers = 8;
constexpr std::size_t kMaxBufferBytes = 512 * 1024;

/// Pieces of lines are carried out as operations of a lane.
class Piece final : public async::WorkLane::Operation {
 public:
  Piece(std::string its_lines, std::uint64_t its_count)
      : lines(std::move(its_lines)), count(its_count) {}
  std::string lines;
  const std::uint64_t count;
};

}  // namespace

struct AccessLog::State final : async::WorkLane::Worker {
  State(std::string its_path, fs::Fd its_file, async::BlockingPool& pool)
      : path(std::move(its_path)), file(std::move(its_file)), lane(pool, *this) {
    buffers.reserve(kMaxBuffers);
  }

  // async::WorkLane::Worker
  void work(async::WorkLane::Batch batch) override {
    reopen_if_renamed();
    std::chrono::milliseconds patience = kPatience;
    for (const auto& operation : batch) {
      auto& piece = static_cast<Piece&>(*operation);
      waiting_bytes.fetch_sub(piece.lines.size(), std::memory_order_relaxed);
      if (write(piece.lines, patience)) {
        written.fetch_add(piece.count, std::memory_order_relaxed);
      } else {
        const int reason = errno;
        dropped.fetch_add(piece.count, std::memory_order_relaxed);
        log::log_limited(
            failure_reports,
            log::Level::Error,
            kLogTarget,
            "lines of the access log are lost: {}",
            fs::errno_error(reason).message()
        );
      }
      keep_buffer(std::move(piece.lines));
    }
    note_handed_over(-static_cast<int>(batch.size()));
  }

  /// A file takes everything at once; a pipe only while its reader reads.
  /// @param patience  for that reader; what was waited is taken from it
  /// @return false, with errno, when the rest is lost
  [[nodiscard]] bool write(std::string_view lines, std::chrono::milliseconds& patience) {
    const int fd = file.is_open() ? file.get() : kStandardOutput;
    struct stat what{};
    if (::fstat(fd, &what) == 0 && S_ISREG(what.st_mode)) {
      const bool is_written = log::write_all(fd, lines);
      since_let_go += static_cast<std::int64_t>(lines.size());
      if (since_let_go >= kLetGoStep) {
        since_let_go = 0;
        let_go(fd);
      }
      return is_written;
    }
    while (!lines.empty()) {
      const auto began = std::chrono::steady_clock::now();
      pollfd entry{fd, POLLOUT, 0};
      if (::poll(&entry, 1, static_cast<int>(patience.count())) != 1) {
        patience = {};
        errno = ETIMEDOUT;
        return false;
      }
      const auto waited = std::chrono::steady_clock::now() - began;
      patience -= std::min(patience, std::chrono::floor<std::chrono::milliseconds>(waited));
      // A pipe that is writable takes so much without waiting.
      const std::string_view part = lines.substr(0, PIPE_BUF);
      if (!log::write_all(fd, part)) {
        return false;
      }
      lines.remove_prefix(part.size());
    }
    return true;
  }

  /// Lets the system take back its copy of what was written: nobody here reads it, and the same few
  /// MiB of memory are used for all of a log, where it would take all that is free and push out
  /// what is needed. (Memory that a virtual machine touches for the first time costs 3 ns a byte.)
  /// The last step is on its way to the disk afterwards, the one before it is there by then.
  static void let_go(int fd) noexcept {
    if (const off_t end = ::lseek(fd, 0, SEEK_CUR); end > 0) {
      const off_t begin = std::max<off_t>(end - 3 * kLetGoStep, 0);
      ::posix_fadvise(fd, begin, end - begin, POSIX_FADV_DONTNEED);
    }
  }

  void keep_buffer(std::string buffer) noexcept {
    buffer.clear();
    const std::lock_guard guard(mutex);
    if (buffers.size() < kMaxBuffers && buffer.capacity() <= kMaxBufferBytes) {
      buffers.push_back(std::move(buffer));  // there is room, see State()
    }
  }

  /// Log rotation renames the file: whoever does so expects a new one.
  void reopen_if_renamed() {
    const auto now = std::chrono::steady_clock::now();
    if (!file.is_open() || now - looked < kReopenInterval) {
      return;
    }
    looked = now;
    struct stat at_path{};
    struct stat open_file{};
    if (::stat(path.c_str(), &at_path) == 0 && ::fstat(file.get(), &open_file) == 0 &&
        at_path.st_ino == open_file.st_ino && at_path.st_dev == open_file.st_dev) {
      return;
    }
    if (auto opened = fs::open(path, fs::Access::Append)) {
      file = *std::move(opened);
    }
  }

  void note_handed_over(int pieces) {
    const std::lock_guard guard(mutex);
    waiting_pieces += pieces;
    progress.notify_all();
  }

  const std::string path;
  fs::Fd file;  ///< of the worker; closed: the standard output
  std::chrono::steady_clock::time_point looked = std::chrono::steady_clock::now();
  std::atomic<std::uint64_t> written{0};
  std::atomic<std::uint64_t> dropped{0};
  std::atomic<std::size_t> waiting_bytes{0};
  std::mutex mutex;
  std::condition_variable progress;
  std::int64_t waiting_pieces = 0;   ///< under mutex
  std::vector<std::string> buffers;  ///< under mutex; empty ones
  std::int64_t since_let_go = 0;     ///< bytes; of the worker
  async::WorkLane lane;              ///< last: its end waits for the worker
};

AccessLog::AccessLog(AccessLogFormat format, std::unique_ptr<State> state)
    : format_(format), state_(std::move(state)) {}

AccessLog::~AccessLog() = default;

Result<std::unique_ptr<AccessLog>> AccessLog::open(
    const std::string& path, AccessLogFormat format, async::BlockingPool& pool
) {
  fs::Fd file;
  if (path != "-") {
    auto opened = fs::open(path, fs::Access::Append);
    if (!opened) {
      return opened.take_error().context("cannot open the access log");
    }
    file = *std::move(opened);
  }
  return std::make_unique<AccessLog>(format, std::make_unique<State>(path, std::move(file), pool));
}

void AccessLog::write(std::string lines, std::uint64_t count) noexcept {
  const std::size_t bytes = lines.size();
  if (state_->waiting_bytes.fetch_add(bytes, std::memory_order_relaxed) + bytes >
      kMaxWaitingBytes) {
    state_->waiting_bytes.fetch_sub(bytes, std::memory_order_relaxed);
    state_->dropped.fetch_add(count, std::memory_order_relaxed);
    state_->keep_buffer(std::move(lines));
    return;
  }
  state_->note_handed_over(1);
  if (!state_->lane.post(std::make_shared<Piece>(std::move(lines), count))) {
    state_->waiting_bytes.fetch_sub(bytes, std::memory_order_relaxed);
    state_->dropped.fetch_add(count, std::memory_order_relaxed);
    state_->note_handed_over(-1);
  }
}

std::string AccessLog::take_buffer() noexcept {
  const std::lock_guard guard(state_->mutex);
  std::string buffer;
  if (!state_->buffers.empty()) {
    buffer = std::move(state_->buffers.back());
    state_->buffers.pop_back();
  }
  return buffer;
}

void AccessLog::flush(async::Deadline deadline) {
  std::unique_lock guard(state_->mutex);
  const auto is_done = [this] { return state_->waiting_pieces <= 0; };
  if (deadline.is_never()) {
    state_->progress.wait(guard, is_done);
  } else {
    state_->progress.wait_until(guard, deadline.time_point(), is_done);
  }
}

std::uint64_t AccessLog::written_lines() const noexcept {
  return state_->written.load(std::memory_order_relaxed);
}

std::uint64_t AccessLog::dropped_lines() const noexcept {
  return state_->dropped.load(std::memory_order_relaxed);
}

}  // namespace whorl::telemetry
