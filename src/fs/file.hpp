/// Files and folders, with errors that name the path and say what the kernel said.
///
/// Everything here blocks: for start-up and the blocking pool, never on a shard that serves.
/// @thread any
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace whorl::fs {

/// An open file descriptor, closed at the end of its life.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) noexcept : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept;
  ~Fd();

  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] bool is_open() const noexcept { return fd_ >= 0; }
  /// Gives the descriptor away.
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

/// An error number as an Error: the kind by reaction, the message
/// "No such file or directory (os error 2)".
[[nodiscard]] Error errno_error(
    int error_number, std::source_location where = std::source_location::current()
);

/// A path as messages show it: in double quotes, with escapes where they are needed.
[[nodiscard]] std::string quote_path(std::string_view path);

enum class Access : std::uint8_t {
  Read,    ///< must exist
  Append,  ///< created (0644) if missing; each write goes to the end
};
/// Opens a file, close-on-exec. Errors name the path.
[[nodiscard]] Result<Fd> open(const std::string& path, Access access);

/// Reads a whole file.
/// @param limit  bytes; a longer file is a ResourceLimit error, noticed before it is read whole
[[nodiscard]] Result<Bytes> read_file(const std::string& path, std::uint64_t limit);

/// Writes a whole file so that readers see the old or the new content, never a part, also after a
/// crash: written beside it, synced, renamed over it.
[[nodiscard]] Result<void> write_file_atomic(const std::string& path, ByteView data);

/// Creates a folder and its missing parents (0755). A folder that exists is fine.
[[nodiscard]] Result<void> create_directories(const std::string& path);

/// Waits until the entries of a folder are on the disk: what was created in it stays created.
/// @param path  "" means the working folder
[[nodiscard]] Result<void> sync_directory(const std::string& path);

/// Absolute, without symbolic links and dot segments. The path must exist.
[[nodiscard]] Result<std::string> canonical(const std::string& path);
/// Absolute, against the working folder; nothing is resolved and nothing need exist.
[[nodiscard]] Result<std::string> absolute(std::string_view path);

/// What is at a path, links followed; errors other than "nothing there" count as Other.
enum class Kind : std::uint8_t { Missing, File, Directory, Other };
[[nodiscard]] Kind kind_of(const std::string& path) noexcept;

/// `base` joined with `path`; just `path` when that is absolute or `base` is empty.
[[nodiscard]] std::string join(std::string_view base, std::string_view path);
/// Without `.` segments and with `..` segments taken back, by text alone: links are not followed.
[[nodiscard]] std::string normalised(std::string_view path);
/// The part before the last component: "a/b" → "a", "b" → "", "/b" → "/".
[[nodiscard]] std::string_view parent(std::string_view path) noexcept;
/// The last component: "a/b.c" → "b.c".
[[nodiscard]] std::string_view file_name(std::string_view path) noexcept;
/// The last component without its extension: "a/b.c" → "b"; ".b" → ".b".
[[nodiscard]] std::string_view stem(std::string_view path) noexcept;
/// The extension without its dot: "a/b.c" → "c"; none → "".
[[nodiscard]] std::string_view extension(std::string_view path) noexcept;

}  // namespace whorl::fs
