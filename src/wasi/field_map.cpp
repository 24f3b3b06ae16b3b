#include "wasi/field_map.hpp"

#include "http/exchange.hpp"
#include "wire/http1/syntax.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <utility>

namespace whorl::wasi {
namespace {

constexpr std::string_view kContentLength = "content-length";
// Those that frame the message or belong to one hop (RFC 9110 §7.6.1), and the authority, which has
// its own place in a request.
constexpr std::array<std::string_view, 9> kForbidden{
    "connection",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "transfer-encoding",
    "upgrade",
};
constexpr std::size_t kMaxNameBytes = 65'535;
// Room for the fields of most responses, and of most requests.
constexpr std::size_t kUsualLines = 4;
constexpr std::size_t kUsualRequestLines = 16;

constexpr std::uint64_t every_byte(std::uint8_t byte) noexcept {
  return 0x0101010101010101ULL * byte;
}

/// ASCII letters made small in eight bytes at once.
constexpr std::uint64_t eight_lower(std::uint64_t eight) noexcept {
  const std::uint64_t low = eight & every_byte(0x7f);
  // The top bit of a byte: at least 'A', more than 'Z', not ASCII.
  const std::uint64_t from = low + every_byte(0x80 - 'A');
  const std::uint64_t above = low + every_byte(0x80 - 'Z' - 1);
  return eight | ((from & ~above & ~eight & every_byte(0x80)) >> 2U);
}

/// Writes `text` in lower case to `out`, which may be where it stands.
void write_lower(std::string_view text, char* out) noexcept {
  std::size_t at = 0;
  for (; text.size() - at >= sizeof(std::uint64_t); at += sizeof(std::uint64_t)) {
    std::uint64_t eight = 0;
    std::memcpy(&eight, text.data() + at, sizeof eight);
    eight = eight_lower(eight);
    std::memcpy(out + at, &eight, sizeof eight);
  }
  for (; at < text.size(); ++at) {
    out[at] = wire::http1::to_lower(text[at]);
  }
}

void make_lower(std::string& text) noexcept {
  write_lower(text, text.data());
}

std::string to_lower(std::string_view text) {
  std::string lower;
  // The size that is passed may be the capacity that the library chose instead (libstdc++ 12).
  lower.resize_and_overwrite(text.size(), [text](char* out, std::size_t) {
    write_lower(text, out);
    return text.size();
  });
  return lower;
}

/// Whether some forbidden name is as long: most names are told apart by that.
constexpr bool may_be_forbidden(std::size_t size) noexcept {
  constexpr std::uint64_t kSizes = [] {
    std::uint64_t sizes = 0;
    for (const std::string_view name : kForbidden) {
      sizes |= std::uint64_t{1} << name.size();
    }
    return sizes;
  }();
  return size < 64 && (kSizes >> size & 1U) != 0;
}

std::optional<std::uint64_t> parse_length(std::string_view text) noexcept {
  if (text.empty() || !std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; })) {
    return std::nullopt;
  }
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

/// A number without leading zeroes; any other value as it is.
std::string_view canonical_value(std::string_view lower_name, std::string_view value) noexcept {
  if (lower_name == kContentLength) {
    value.remove_prefix(std::min(value.find_first_not_of('0'), value.size() - 1));
  }
  return value;
}

std::string_view without_blanks(std::string_view text) noexcept {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

}  // namespace

bool is_forbidden_field(std::string_view name) noexcept {
  return may_be_forbidden(name.size()) &&
         std::ranges::any_of(kForbidden, [name](std::string_view forbidden) {
           return forbidden.size() == name.size() && http::equals_ignoring_case(forbidden, name);
         });
}

bool FieldMap::is_hidden(std::string_view name, Shown shown) noexcept {
  return shown == Shown::NotForbidden ? is_forbidden_field(name)
                                      : http::equals_ignoring_case(name, "connection");
}

FieldMap FieldMap::from_request(http::Exchange& exchange, Shown shown) {
  /// Makes of each line what is kept of it, and nothing of those that are not shown.
  class Lines final : public http::FieldSink {
   public:
    Lines(std::vector<http::Field>& lines, Shown shown) noexcept : lines_(lines), shown_(shown) {}
    void add(std::string_view name, std::string_view value) override {
      if (!is_hidden(name, shown_)) {
        if (lines_.capacity() == 0) {
          lines_.reserve(kUsualRequestLines);
        }
        bytes_ += charge_of(name, value);
        lines_.emplace_back(to_lower(name), std::string(value));
      }
    }
    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

   private:
    std::vector<http::Field>& lines_;
    Shown shown_;
    std::size_t bytes_ = 0;
  };
  FieldMap map;
  Lines lines(map.fields_.lines(), shown);
  if (!exchange.pass_fields(lines)) {
    return from_wire(std::move(exchange.request().fields), shown);
  }
  static_cast<void>(map.charge_.try_resize(lines.bytes()));  // nobody's account, so there is room
  return map;
}

FieldMap FieldMap::from_wire(http::Fields fields, Shown shown) {
  FieldMap map;
  std::size_t bytes = 0;
  map.fields_ = std::move(fields);
  std::vector<http::Field>& lines = map.fields_.lines();
  std::erase_if(lines, [shown](const http::Field& line) { return is_hidden(line.name, shown); });
  for (http::Field& line : lines) {
    make_lower(line.name);
    bytes += charge_of(line.name, line.value);
  }
  static_cast<void>(map.charge_.try_resize(bytes));  // nobody's account, so there is room
  return map;
}

std::expected<FieldMap, FieldError> FieldMap::copy(HostMemory& memory) const {
  FieldMap made(memory);
  if (!made.charge_.try_resize(charge_.bytes())) {
    return std::unexpected(FieldError::OutOfMemory);
  }
  made.fields_ = fields_;
  return made;
}

http::Fields FieldMap::take_wire() {
  for (http::Field& line : fields_.lines()) {
    if (const std::string_view cut = without_blanks(line.value); cut.size() != line.value.size()) {
      line.value = std::string(cut);
    }
  }
  charge_.release();
  return std::exchange(fields_, {});
}

http::Fields FieldMap::to_wire() const {
  FieldMap wire;
  wire.fields_ = fields_;
  return wire.take_wire();
}

std::vector<std::string_view> FieldMap::values(std::string_view name) const {
  std::vector<std::string_view> found;
  for (const http::Field& line : fields_.lines()) {
    if (http::equals_ignoring_case(line.name, name)) {
      found.emplace_back(line.value);
    }
  }
  return found;
}

bool FieldMap::contains(std::string_view name) const noexcept {
  return fields_.contains(name);
}

std::expected<void, FieldError> FieldMap::check_name(std::string_view name) noexcept {
  if (name.size() > kMaxNameBytes || !http::is_token(name)) {
    return std::unexpected(FieldError::InvalidSyntax);
  }
  if (is_forbidden_field(name)) {
    return std::unexpected(FieldError::Forbidden);
  }
  return {};
}

std::expected<void, FieldError> FieldMap::check_value(
    std::string_view name, std::string_view value
) noexcept {
  if (value.size() > kMaxBytes) {
    return std::unexpected(FieldError::TooLarge);  // unread: it may be very long
  }
  const bool valid = http::equals_ignoring_case(name, kContentLength)
                         ? parse_length(value).has_value()
                         // Blanks at the ends are let through, unlike on the wire: other hosts
                         // accept them, and they are cut when the message is sent.
                         : wire::http1::is_field_content(value);
  if (!valid) {
    return std::unexpected(FieldError::InvalidSyntax);
  }
  return {};
}

std::expected<void, FieldError> FieldMap::recharge(std::size_t bytes) {
  if (bytes > kMaxBytes && bytes > charge_.bytes()) {
    return std::unexpected(FieldError::TooLarge);
  }
  if (!charge_.try_resize(bytes)) {
    return std::unexpected(FieldError::OutOfMemory);
  }
  return {};
}

void FieldMap::add_line(std::string name, std::string_view value) {
  if (fields_.lines().capacity() == 0) {
    fields_.lines().reserve(kUsualLines);
  }
  value = canonical_value(name, value);
  fields_.append(std::move(name), std::string(value));
}

std::expected<void, FieldError> FieldMap::append(std::string_view name, std::string_view value) {
  if (auto checked = check_name(name); !checked) {
    return checked;
  }
  if (auto checked = check_value(name, value); !checked) {
    return checked;
  }
  return append_checked(name, value);
}

std::expected<void, FieldError> FieldMap::append_checked(
    std::string_view name, std::string_view value
) {
  std::string lower = to_lower(name);
  if (lower == kContentLength && contains(lower)) {
    return std::unexpected(FieldError::InvalidSyntax);
  }
  if (auto charged = recharge(charge_.bytes() + charge_of(lower, canonical_value(lower, value)));
      !charged) {
    return charged;
  }
  add_line(std::move(lower), value);
  return {};
}

std::expected<void, FieldError> FieldMap::set(
    std::string_view name, std::span<const std::string_view> values
) {
  if (auto checked = check_name(name); !checked) {
    return checked;
  }
  const std::string lower = to_lower(name);
  if (lower == kContentLength && values.size() > 1) {
    return std::unexpected(FieldError::InvalidSyntax);
  }
  std::size_t added = 0;
  for (const std::string_view value : values) {
    if (auto checked = check_value(lower, value); !checked) {
      return checked;
    }
    added += charge_of(lower, canonical_value(lower, value));
    if (added > kMaxBytes) {
      return std::unexpected(FieldError::TooLarge);
    }
  }
  std::size_t removed = 0;
  for (const std::string_view value : this->values(lower)) {
    removed += charge_of(lower, value);
  }
  if (auto charged = recharge(charge_.bytes() - removed + added); !charged) {
    return charged;
  }
  fields_.remove(lower);
  for (const std::string_view value : values) {
    add_line(lower, value);
  }
  return {};
}

std::expected<void, FieldError> FieldMap::remove(std::string_view name) {
  return set(name, {});
}

std::expected<std::optional<std::uint64_t>, FieldError> FieldMap::content_length() const {
  std::optional<std::uint64_t> length;
  for (const std::string_view value : values(kContentLength)) {
    const auto parsed = parse_length(value);
    if (!parsed || length) {
      return std::unexpected(FieldError::InvalidSyntax);
    }
    length = parsed;
  }
  return length;
}

}  // namespace whorl::wasi
