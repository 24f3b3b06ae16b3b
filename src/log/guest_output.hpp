/// Where the output of guests goes: log files per component, and the host's stderr.
///
/// Files get the bytes as they are. What is streamed to a terminal loses escape sequences and other
/// control characters, so that a guest cannot steer the operator's terminal; a pipe or file on
/// stderr gets the bytes as they are.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::log {

enum class GuestStream : std::uint8_t { Stdout, Stderr };

/// Takes escape sequences and control characters out of text meant for a terminal. Keeps tab, line
/// feed and carriage return, and bytes of 0x80 and above except the C1 controls in UTF-8. Carries
/// its state across calls, since a sequence may be split anywhere.
class TerminalFilter {
 public:
  /// Appends what may be shown of `data` to `out`.
  void filter(ByteView data, std::string& out);

 private:
  enum class State : std::uint8_t { Text, Escape, Control, String, StringEscape, Utf8C2 };
  void filter_byte(std::uint8_t byte, std::string& out);
  void begin_c1(std::uint8_t c1);
  State state_ = State::Text;
};

/// One output stream of one component. Shared by all its instances, on every shard.
///
/// Bytes are put in and written later, many events' together, by whoever calls flush(). Nothing
/// fails towards the guest: what a file does not take (disk full), and what finds no room while
/// nobody reads stderr, is dropped, and the log says so once in a while. @thread any
class GuestSink {
 private:
  friend class GuestOutput;
  struct Impl;

 public:
  /// Only GuestOutput can make one: Impl is private.
  explicit GuestSink(std::unique_ptr<Impl> impl);
  GuestSink(const GuestSink&) = delete;
  GuestSink& operator=(const GuestSink&) = delete;
  ~GuestSink();

  /// Bytes that wait at most.
  static constexpr std::size_t kMaxWaiting = std::size_t{1} << 20;
  /// With so many waiting, put() asks for a flush at once.
  static constexpr std::size_t kFlushAt = std::size_t{64} << 10;

  /// What is to be done after put().
  enum class Need : std::uint8_t {
    Nothing,  ///< a flush is under way or asked for
    Soon,     ///< flush(), when other work has had its turn
    Now,      ///< flush(): a lot waits
  };
  /// Takes the bytes, whole or not at all. Never blocks for longer than a copy takes.
  [[nodiscard]] Need put(ByteView data);

  enum class Flushed : std::uint8_t {
    All,
    Waiting,  ///< stderr takes no more now: to be called again after a while
  };
  /// Writes what waits to every place this stream goes to. Does not wait for the reader of a pipe.
  Flushed flush();

  /// Writes the bytes and what waits. Where nobody reads, waits for up to a second; not again until
  /// somebody has read.
  void write(ByteView data);
  /// Writes what waits, as write() does.
  void finish();

  /// Bytes that found no room so far.
  [[nodiscard]] std::uint64_t dropped_bytes() const noexcept;

 private:
  std::unique_ptr<Impl> impl_;
};

/// How guests' output is to be treated in one application.
struct GuestOutputOptions {
  std::optional<std::string> directory{};  ///< absent: everything goes to stderr
  bool truncate = false;                   ///< empty the log files that exist already
  bool quiet = false;                      ///< stream nothing, unless there is no directory
  std::vector<std::string> follow{};       ///< components to stream; empty: all
};

/// Opens the sinks of an application's components.
class GuestOutput {
 public:
  /// Creates the log directory and empties old log files if asked to.
  /// @return errors that name the path: PermissionDenied, Unavailable, …
  [[nodiscard]] static Result<GuestOutput> open(GuestOutputOptions options);
  GuestOutput(GuestOutput&&) noexcept;
  GuestOutput& operator=(GuestOutput&&) noexcept;
  ~GuestOutput();

  /// The sink of a component's stream. Its file is created when it is first asked for here, that
  /// is when the component first runs. Always the same object for the same stream.
  /// @thread any
  /// @return errors that name the path
  [[nodiscard]] Result<std::shared_ptr<GuestSink>> sink(
      std::string_view component, GuestStream stream
  );

 private:
  struct State;
  explicit GuestOutput(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// The name of a component's log file: what is unsafe in a file name is replaced by `_`.
[[nodiscard]] std::string log_file_name(std::string_view component, GuestStream stream);

}  // namespace whorl::log
