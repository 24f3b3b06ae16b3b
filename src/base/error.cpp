#include "base/error.hpp"

#include <array>

namespace whorl {

std::string_view to_string(ErrorKind kind) noexcept {
  static constexpr std::array<std::string_view, 15> kNames = {
      "invalid-input",
      "not-found",
      "already-exists",
      "permission-denied",
      "unauthenticated",
      "unavailable",
      "overloaded",
      "deadline-exceeded",
      "cancelled",
      "disconnected",
      "unsupported",
      "resource-limit",
      "guest-trap",
      "corrupt",
      "internal",
  };
  return kNames[static_cast<std::size_t>(kind)];
}

Error::Error(ErrorKind kind, std::string message, std::source_location where)
    : state_(std::make_unique<State>(State{kind, std::move(message), {}, {}, where})) {}

Error Error::clone() const {
  Error copy(state_->kind, state_->message, state_->where);
  copy.state_->contexts = state_->contexts;
  copy.state_->help = state_->help;
  return copy;
}

std::string Error::to_line() const {
  std::string line;
  for (auto it = state_->contexts.rbegin(); it != state_->contexts.rend(); ++it) {
    line.append(*it).append(": ");
  }
  return line + state_->message;
}

}  // namespace whorl
