#include "wire/http1/head_rules.hpp"

#include <algorithm>

namespace whorl::wire::http1 {
namespace {

std::optional<Refusal> bad(std::string_view reason) {
  return Refusal{400, reason};
}

bool same_authority(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return to_lower(x) == to_lower(y);
  });
}

}  // namespace

/// Elements that are empty count: RFC 9110 §5.6.1 lets a recipient ignore them, some refuse them,
/// and what frames is to be read by all in one way.
void HeadRules::add_transfer_coding(std::string_view value) {
  while (true) {
    const std::size_t comma = value.find(',');
    const std::string_view coding = trim_blanks(value.substr(0, comma));
    ++codings_;
    chunked_before_last_ |= last_is_chunked_;
    last_is_chunked_ = equals_lower(coding, "chunked");
    empty_coding_ |= coding.empty();
    if (comma == std::string_view::npos) {
      return;
    }
    value.remove_prefix(comma + 1);
  }
}

void HeadRules::add_connection(std::string_view value) {
  for_each_element(value, [&](std::string_view option) {
    close_ |= equals_lower(option, "close");
    keep_alive_ |= equals_lower(option, "keep-alive");
  });
}

std::optional<Refusal> HeadRules::note_known_length(const FieldView& field, RequestHead& out) {
  switch (field.name.size()) {
    case 4:
      if (equals_lower(field.name, "host")) {
        host_ = field.value;
        ++hosts_;
      }
      break;
    case 6:
      if (equals_lower(field.name, "expect") && out.version == Version::Http11) {
        if (!equals_lower(field.value, "100-continue")) {
          return Refusal{417, "unknown expectation"};
        }
        out.expects_continue = true;
      }
      break;
    case 10:
      if (equals_lower(field.name, "connection")) {
        add_connection(field.value);
      }
      break;
    case 14:
      if (equals_lower(field.name, "content-length")) {
        const auto length = parse_content_length(field.value);
        if (!length || ++lengths_ > 1) {
          return bad("malformed or repeated content-length");
        }
        out.content_length = *length;
        out.framing = Framing::Length;
      }
      break;
    case 17:
      if (equals_lower(field.name, "transfer-encoding")) {
        add_transfer_coding(field.value);
      }
      break;
    default:
      break;
  }
  return std::nullopt;
}

/// RFC 9112 §6.1, §6.3; where the RFC leaves a choice the request is refused.
std::optional<Refusal> HeadRules::judge_framing(RequestHead& out) const {
  if (codings_ == 0) {
    return std::nullopt;
  }
  if (out.version == Version::Http10) {
    return bad("transfer-encoding in HTTP/1.0");
  }
  if (lengths_ != 0) {
    return bad("content-length beside transfer-encoding");
  }
  if (!last_is_chunked_ || chunked_before_last_ || empty_coding_) {
    return bad("transfer-encoding does not end in one chunked");
  }
  if (codings_ > 1) {
    return Refusal{501, "unknown transfer coding"};
  }
  out.framing = Framing::Chunked;
  return std::nullopt;
}

std::optional<Refusal> HeadRules::judge_host(RequestHead& out) const {
  if (hosts_ > 1) {
    return bad("more than one host field");
  }
  if (hosts_ == 0) {
    return out.version == Version::Http11 ? bad("no host field") : std::nullopt;
  }
  if (!is_host(host_)) {
    return bad("malformed host field");
  }
  if (out.authority.empty()) {
    out.authority = host_;
    return std::nullopt;
  }
  // RFC 9112 §3.2.2 lets the target win; who sends two different ones is up to no good.
  return same_authority(out.authority, host_) ? std::nullopt
                                              : bad("host field and target disagree");
}

std::optional<Refusal> HeadRules::judge(RequestHead& out) const {
  if (auto refused = judge_framing(out)) {
    return refused;
  }
  out.asks_keep_alive = keep_alive_;
  out.keep_alive = out.version == Version::Http11 ? !close_ : keep_alive_ && !close_;
  return judge_host(out);
}

}  // namespace whorl::wire::http1
