/// Listening: the sockets that the process listens on, wherever they come from. @thread main
#pragma once

#include "signals.hpp"

#include "base/result.hpp"
#include "cli/cli.hpp"
#include "net/handover.hpp"
#include "net/listener.hpp"
#include "trigger/http/http_trigger.hpp"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace whorl {

class Listening {
 public:
  /// Takes the sockets of a predecessor, else those that a service manager passed, and binds what
  /// else is asked for. @param shards  each is to have sockets of its own
  /// @return errors: those of binding; InvalidInput when a predecessor listens on something else
  [[nodiscard]] static Result<Listening> open(const cli::UpRequest& request, unsigned shards);
  Listening(Listening&&) noexcept = default;
  Listening& operator=(Listening&&) = delete;
  /// Removes the files of Unix sockets, unless a successor listens on them.
  ~Listening();

  /// Gives the sockets away and keeps copies. At least one.
  [[nodiscard]] Result<std::vector<net::Listeners>> take();
  /// Requests are served: offers the sockets to a successor, and tells the predecessor.
  [[nodiscard]] Result<> serving();
  /// Readable when on_handover() is to be called; -1: never.
  [[nodiscard]] int handover_fd() const noexcept { return offer_ ? offer_->fd() : -1; }
  /// @return true when a successor serves: it is time to end
  [[nodiscard]] bool on_handover();
  /// Another process serves on the sockets.
  [[nodiscard]] bool has_successor() const noexcept { return has_successor_; }
  /// The process is ending: lets no client begin to connect, and those who have begun end their
  /// handshakes, for as long as that takes on a slow network; they are accepted as always. Nothing
  /// is done to sockets that another process serves, too.
  /// @return Hurry when the operator asked for an end in the meantime
  enum class Haste : bool { None, Hurry };
  [[nodiscard]] Haste last_call(StopSignals& signals);
  /// Lets go of the copies: nobody else is to be given the sockets.
  void release() noexcept;

 private:
  explicit Listening(std::string takeover_path) : takeover_path_(std::move(takeover_path)) {}
  [[nodiscard]] Result<> bind(const cli::UpRequest& request, unsigned shards);
  [[nodiscard]] Result<> bind(
      const cli::ListenTarget& target, cli::PortSearch search, unsigned shards
  );
  [[nodiscard]] Result<> check_taken(const cli::UpRequest& request) const;

  std::string takeover_path_;
  std::vector<net::Listeners> sockets_;  ///< after take() copies
  std::vector<std::string> unix_paths_;
  net::Takeover takeover_;
  std::optional<net::HandoverOffer> offer_;
  bool has_successor_ = false;  ///< the sockets are somebody else's now
};

/// Says on standard output where the application listens and what it answers, and on standard error
/// which further addresses there are.
void print_startup(
    cli::StartupFormat format,
    const trigger::HttpApp& app,
    http::Scheme scheme,
    std::span<const net::Listeners> listeners
);

}  // namespace whorl
