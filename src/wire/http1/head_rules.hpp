/// HeadRules: what the field lines of a request say together about its framing, its host and its
/// connection. Internal to the readers of request heads.
///
/// @spec RFC 9112 §3.2 (Host), §6 (framing), §9.3 (persistence). @thread any (a value)
#pragma once

#include "wire/http1/request.hpp"

#include <optional>
#include <string_view>

namespace whorl::wire::http1 {

class HeadRules {
 public:
  /// Takes the next field line of a head whose version is known already.
  [[nodiscard]] std::optional<Refusal> note(const FieldView& field, RequestHead& out) {
    switch (field.name.size()) {
      case 4:
      case 6:
      case 10:
      case 14:
      case 17:
        return note_known_length(field, out);
      default:
        return std::nullopt;
    }
  }
  /// After the last one: fills in what all of them decide.
  [[nodiscard]] std::optional<Refusal> judge(RequestHead& out) const;

 private:
  [[nodiscard]] std::optional<Refusal> note_known_length(const FieldView& field, RequestHead& out);
  void add_transfer_coding(std::string_view value);
  void add_connection(std::string_view value);
  [[nodiscard]] std::optional<Refusal> judge_framing(RequestHead& out) const;
  [[nodiscard]] std::optional<Refusal> judge_host(RequestHead& out) const;

  std::string_view host_;
  unsigned hosts_ = 0;
  unsigned lengths_ = 0;
  unsigned codings_ = 0;  ///< elements over all Transfer-Encoding lines
  bool last_is_chunked_ = false;
  bool chunked_before_last_ = false;
  bool empty_coding_ = false;
  bool close_ = false;
  bool keep_alive_ = false;
};

}  // namespace whorl::wire::http1
