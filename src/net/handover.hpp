/// Handing listening sockets over to another process, so that a new program takes the place of an
/// old one without a connection being refused, reset or left unanswered.
///
/// The running process offers its sockets at a Unix socket. Its successor connects, is given the
/// descriptors themselves (closing and binding anew would reset clients that wait in a queue),
/// begins to serve, offers them in its turn and says so; the old process then drains. If the
/// successor goes away before that, the old one serves on and offers anew. Both must belong to the
/// same user. @thread main
#pragma once

#include "base/result.hpp"
#include "net/listener.hpp"

#include <sys/stat.h>

#include <string>
#include <vector>

namespace whorl::net {

/// The old process's side.
class HandoverOffer {
 public:
  /// Offers at `path`, in place of who offered there before. A successor does so before it says
  /// that it serves: at any moment somebody offers, or the next one would bind anew, in vain.
  /// @return errors: those of listen_on_unix() and of the file system
  [[nodiscard]] static Result<HandoverOffer> open(std::string path);
  HandoverOffer(HandoverOffer&&) noexcept = default;
  HandoverOffer& operator=(HandoverOffer&&) noexcept = default;
  /// Removes the path, unless a successor has it.
  ~HandoverOffer();

  /// A process that was given the sockets has not said yet that it serves.
  [[nodiscard]] bool has_successor() const noexcept { return successor_.is_open(); }
  /// Readable when on_readable() is to be called.
  [[nodiscard]] int fd() const noexcept;
  /// Gives sockets to who asks, and sees what became of it.
  /// @return true when a successor serves: it is time to drain
  [[nodiscard]] bool on_readable(const std::vector<Listeners>& listeners);

 private:
  HandoverOffer(std::string path, fs::Fd listening) noexcept;
  void give(const std::vector<Listeners>& listeners);
  /// Whether it is our socket that the path leads to.
  [[nodiscard]] bool has_path() const noexcept;

  std::string path_;
  struct stat made_{};  ///< the file, when it was made
  fs::Fd listening_;
  fs::Fd successor_;  ///< has the sockets, and has not said that it serves
};

/// The new process's side.
struct Takeover {
  std::vector<Listeners> listeners;
  fs::Fd predecessor;

  /// Says that this process serves; the other one drains.
  void finish() noexcept;
};

/// Asks who offers sockets at `path`. Waits for the answer for a few seconds at most.
/// @return no listeners when nobody offers any; Disconnected, DeadlineExceeded, PermissionDenied
[[nodiscard]] Result<Takeover> take_over(const std::string& path);

}  // namespace whorl::net
