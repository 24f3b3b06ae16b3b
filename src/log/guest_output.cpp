#include "log/guest_output.hpp"

#include "fs/file.hpp"
#include "log/rate_limit.hpp"
#include "log/terminal.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <climits>
#include <map>
#include <mutex>
#include <utility>

namespace whorl::log {
namespace {

constexpr int kStderr = 2;
constexpr std::size_t kMaxNameBytes = 200;
constexpr std::string_view kTarget = "whorl::guest_output";
/// For who must not lose anything: how long a reader of stderr that does not read is waited for.
constexpr std::chrono::seconds kPatience{1};
constexpr int kLookAgainMs = 50;
/// Somebody has waited so long in vain: the program must not wait once for each stream at its end.
constinit std::atomic<bool> is_stuck{false};

std::string_view suffix_of(GuestStream stream) {
  return stream == GuestStream::Stdout ? "stdout.txt" : "stderr.txt";
}

bool is_unsafe_in_file_name(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7F ||
         std::string_view("/\\?<>:*|\"").find(c) != std::string_view::npos;
}

struct CloseFolder {
  void operator()(DIR* folder) const noexcept { ::closedir(folder); }
};

Result<void> truncate_logs(const std::string& directory) {
  const std::unique_ptr<DIR, CloseFolder> folder(::opendir(directory.c_str()));
  if (folder == nullptr) {
    return fs::errno_error(errno).context(
        fmt::format("failed to list directory {}", fs::quote_path(directory))
    );
  }
  while (const dirent* entry = ::readdir(folder.get())) {
    const std::string_view name = entry->d_name;
    const bool is_log = name.ends_with(suffix_of(GuestStream::Stdout)) ||
                        name.ends_with(suffix_of(GuestStream::Stderr));
    const std::string path = fs::join(directory, name);
    if (is_log && fs::kind_of(path) == fs::Kind::File && ::truncate(path.c_str(), 0) != 0) {
      return fs::errno_error(errno).context(
          fmt::format("failed to truncate log file {}", fs::quote_path(path))
      );
    }
  }
  return {};
}

}  // namespace

void TerminalFilter::filter(ByteView data, std::string& out) {
  for (const std::uint8_t byte : data) {
    filter_byte(byte, out);
  }
}

void TerminalFilter::filter_byte(std::uint8_t byte, std::string& out) {
  constexpr std::uint8_t kEscape = 0x1B;
  constexpr std::uint8_t kBell = 0x07;
  switch (state_) {
    case State::Text:
      break;
    case State::Utf8C2:
      state_ = State::Text;
      if (byte >= 0x80 && byte <= 0x9F) {
        begin_c1(byte);
        return;
      }
      out.push_back(static_cast<char>(0xC2));
      break;
    case State::Escape:
      begin_c1(static_cast<std::uint8_t>(byte + 0x40));
      return;
    case State::Control:
      // Parameters and intermediates are 0x20…0x3F; a line feed ends a sequence that never ends.
      if (byte < 0x20 || byte >= 0x40) {
        state_ = State::Text;
      }
      if (byte >= 0x20) {
        return;
      }
      break;
    case State::StringEscape:
      state_ = byte == '\\' ? State::Text : State::String;
      return;
    case State::String:
      if (byte == kEscape) {
        state_ = State::StringEscape;
      } else if (byte == kBell || byte == '\n') {
        state_ = State::Text;
      }
      return;
  }
  if (byte == kEscape) {
    state_ = State::Escape;
  } else if (byte == 0xC2) {
    state_ = State::Utf8C2;
  } else if (byte == '\n' || byte == '\t' || byte == '\r' || (byte >= 0x20 && byte != 0x7F)) {
    out.push_back(static_cast<char>(byte));
  }
}

/// What follows ESC, or a C1 control, decides what kind of sequence it is (ECMA-48 §5.4, §5.6).
void TerminalFilter::begin_c1(std::uint8_t c1) {
  constexpr std::uint8_t kCsi = 0x9B;
  switch (c1) {
    case kCsi:
      state_ = State::Control;
      return;
    case 0x90:  // DCS
    case 0x98:  // SOS
    case 0x9D:  // OSC
    case 0x9E:  // PM
    case 0x9F:  // APC
      state_ = State::String;
      return;
    default:
      // ESC with intermediates (0x20…0x2F, here + 0x40) goes on to a final byte.
      state_ = c1 >= 0x60 && c1 <= 0x6F ? State::Escape : State::Text;
  }
}

struct GuestSink::Impl {
  fs::Fd file;
  std::string path;
  bool to_stderr = false;
  bool is_terminal = false;
  bool is_regular = false;          ///< stderr: takes everything at once
  std::uint64_t lost_reported = 0;  ///< of the flusher
  RateLimit failures{1, std::chrono::minutes{1}};
  RateLimit losses{1, std::chrono::seconds{10}};

  std::mutex mutex;
  std::string waiting;         ///< under mutex: put in and not taken by a flush
  std::size_t shown_left = 0;  ///< under mutex: size of `shown` after the last flush
  bool is_asked_for = false;   ///< under mutex: somebody was told to flush
  bool is_flushing = false;    ///< under mutex
  std::atomic<std::uint64_t> dropped{0};

  // Of the one who flushes.
  std::string taken;
  std::string shown;  ///< for stderr, not written yet
  TerminalFilter filter;

  void to_file(std::string_view bytes);
  [[nodiscard]] Flushed to_standard_error();
  void report_losses();
};

/// Files take everything; their system call is the only wait.
void GuestSink::Impl::to_file(std::string_view bytes) {
  if (!file.is_open() || write_all(file.get(), bytes)) {
    return;
  }
  const Error why = fs::errno_error(errno);
  log_limited(
      failures,
      Level::Warn,
      kTarget,
      "guest output is lost: cannot write {}: {}",
      fs::quote_path(path),
      why.message()
  );
}

GuestSink::Flushed GuestSink::Impl::to_standard_error() {
  std::string_view rest = shown;
  while (!rest.empty()) {
    std::string_view part = rest;
    if (!is_regular) {
      pollfd entry{.fd = kStderr, .events = POLLOUT, .revents = 0};
      if (::poll(&entry, 1, 0) != 1) {
        break;
      }
      // A pipe that is writable takes so much without waiting; it is cut behind a line.
      part = rest.substr(0, PIPE_BUF);
      if (const auto line = part.rfind('\n'); part.size() < rest.size() && line != part.npos) {
        part = part.substr(0, line + 1);
      }
    }
    if (!write_all(kStderr, part)) {
      rest = {};  // closed: nobody will ever read it
      break;
    }
    rest.remove_prefix(part.size());
    is_stuck.store(false, std::memory_order_relaxed);
  }
  shown.erase(0, shown.size() - rest.size());
  return shown.empty() ? Flushed::All : Flushed::Waiting;
}

void GuestSink::Impl::report_losses() {
  const std::uint64_t lost = dropped.load(std::memory_order_relaxed);
  if (lost == lost_reported) {
    return;
  }
  log_limited(
      losses,
      Level::Warn,
      kTarget,
      "{} bytes of the output of guests are lost: nobody reads the standard error fast enough",
      lost - lost_reported
  );
  lost_reported = lost;
}

GuestSink::GuestSink(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

GuestSink::~GuestSink() {
  finish();
}

GuestSink::Need GuestSink::put(ByteView data) {
  const std::lock_guard lock(impl_->mutex);
  const std::size_t waits = impl_->waiting.size() + impl_->shown_left;
  if (waits + data.size() > kMaxWaiting) {
    impl_->dropped.fetch_add(data.size(), std::memory_order_relaxed);
    return Need::Nothing;
  }
  impl_->waiting.append(as_text(data));
  if (impl_->is_flushing || (impl_->shown_left > 0 && impl_->is_asked_for)) {
    return Need::Nothing;
  }
  if (waits + data.size() >= kFlushAt) {
    return Need::Now;
  }
  return std::exchange(impl_->is_asked_for, true) ? Need::Nothing : Need::Soon;
}

GuestSink::Flushed GuestSink::flush() {
  Impl& impl = *impl_;
  {
    const std::lock_guard lock(impl.mutex);
    if (impl.is_flushing) {
      return Flushed::Waiting;
    }
    impl.is_flushing = true;
  }
  while (true) {
    {
      const std::lock_guard lock(impl.mutex);
      impl.taken.clear();
      impl.taken.swap(impl.waiting);
    }
    impl.to_file(impl.taken);
    if (impl.to_stderr && impl.is_terminal) {
      impl.filter.filter(as_bytes(std::string_view(impl.taken)), impl.shown);
    } else if (impl.to_stderr && impl.shown.empty()) {
      impl.shown.swap(impl.taken);
    } else if (impl.to_stderr) {
      impl.shown.append(impl.taken);
    }
    const Flushed flushed = impl.to_standard_error();
    if (flushed == Flushed::All) {
      impl.report_losses();
    }
    const std::lock_guard lock(impl.mutex);
    impl.shown_left = impl.shown.size();
    if (flushed == Flushed::Waiting || impl.waiting.empty()) {
      impl.is_flushing = false;
      impl.is_asked_for = flushed == Flushed::Waiting;
      return flushed;
    }
  }
}

void GuestSink::write(ByteView data) {
  (void)put(data);
  finish();
}

void GuestSink::finish() {
  using Clock = std::chrono::steady_clock;
  const auto give_up = is_stuck.load() ? Clock::time_point::min() : Clock::now() + kPatience;
  Flushed flushed = flush();
  while (flushed == Flushed::Waiting && Clock::now() < give_up) {
    pollfd entry{.fd = kStderr, .events = POLLOUT, .revents = 0};
    (void)::poll(&entry, 1, kLookAgainMs);
    flushed = flush();
  }
  if (flushed == Flushed::Waiting) {
    is_stuck.store(true);
  }
}

std::uint64_t GuestSink::dropped_bytes() const noexcept {
  return impl_->dropped.load(std::memory_order_relaxed);
}

struct GuestOutput::State {
  GuestOutputOptions options;
  std::mutex mutex;
  std::map<std::pair<std::string, GuestStream>, std::shared_ptr<GuestSink>> sinks;
};

GuestOutput::GuestOutput(std::unique_ptr<State> state) : state_(std::move(state)) {}
GuestOutput::GuestOutput(GuestOutput&&) noexcept = default;
GuestOutput& GuestOutput::operator=(GuestOutput&&) noexcept = default;
GuestOutput::~GuestOutput() = default;

Result<GuestOutput> GuestOutput::open(GuestOutputOptions options) {
  if (options.directory) {
    WHORL_CHECKED(fs::create_directories(*options.directory));
    if (options.truncate) {
      WHORL_CHECKED(truncate_logs(*options.directory));
    }
  }
  auto state = std::make_unique<State>();
  state->options = std::move(options);
  return GuestOutput(std::move(state));
}

Result<std::shared_ptr<GuestSink>> GuestOutput::sink(
    std::string_view component, GuestStream stream
) {
  const std::lock_guard lock(state_->mutex);
  auto& slot = state_->sinks[{std::string(component), stream}];
  if (slot == nullptr) {
    const GuestOutputOptions& options = state_->options;
    auto impl = std::make_unique<GuestSink::Impl>();
    const bool is_followed = options.follow.empty() ||
                             std::ranges::find(options.follow, component) != options.follow.end();
    impl->to_stderr = !options.directory || (!options.quiet && is_followed);
    impl->is_terminal = is_terminal(kStderr);
    struct stat what{};
    impl->is_regular = ::fstat(kStderr, &what) == 0 && S_ISREG(what.st_mode);
    if (options.directory) {
      impl->path = fs::join(*options.directory, log_file_name(component, stream));
      WHORL_TRY(impl->file, fs::open(impl->path, fs::Access::Append));
    }
    slot = std::make_shared<GuestSink>(std::move(impl));
  }
  return slot;
}

std::string log_file_name(std::string_view component, GuestStream stream) {
  std::string name;
  for (const char c : component.substr(0, kMaxNameBytes)) {
    if (!is_unsafe_in_file_name(c)) {
      name.push_back(c);
    }
  }
  if (name.find_first_not_of('.') == std::string::npos) {
    name = "component";
  }
  return fmt::format("{}_{}", name, suffix_of(stream));
}

}  // namespace whorl::log
