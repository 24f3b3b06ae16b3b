#include "wire/resp/reply.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <optional>
#include <utility>

namespace whorl::wire::resp {
namespace {

/// The longest line: of statuses, errors and lengths.
constexpr std::size_t kMaxLine = std::size_t{64} * 1024;
constexpr std::uint64_t kEndOfLine = 2;

Error corrupt(std::string_view what) {
  return fail(ErrorKind::Corrupt, "the server's answer is no Redis protocol: {}", what);
}

std::optional<std::int64_t> to_integer(std::string_view text) {
  std::int64_t number = 0;
  text.remove_prefix(text.starts_with('+') ? 1 : 0);
  const char* end = text.data() + text.size();
  const auto [stop, code] = std::from_chars(text.data(), end, number);
  return code == std::errc() && stop == end ? std::optional(number) : std::nullopt;
}

std::string_view refused_type(char type) {
  switch (type) {
    case '%':
      return "Map";
    case '|':
      return "Attribute";
    case '=':
      return "VerbatimString";
    case '>':
      return "Push";
    default:
      return {};
  }
}

}  // namespace

Result<> ReplyReader::charge(std::uint64_t bytes) {
  if (bytes > limits_.bytes - used_) {
    return fail(ErrorKind::ResourceLimit, "query result exceeds limit of {} bytes", limits_.bytes);
  }
  used_ += bytes;
  return {};
}

void ReplyReader::add(Reply value) {
  while (!open_.empty()) {
    Open& top = open_.back();
    top.reply.items.push_back(std::move(value));
    if (--top.left > 0) {
      return;
    }
    value = std::move(top.reply);
    open_.pop_back();
  }
  result_ = std::move(value);
  done_ = true;
}

Result<> ReplyReader::on_length(char type, std::string_view digits) {
  const auto length = to_integer(digits);
  if (!length || *length < -1) {
    return corrupt("a length is no number");
  }
  if (*length == -1) {
    add({});
    return {};
  }
  const auto count = static_cast<std::uint64_t>(*length);
  if (type == '$' || type == '!') {
    WHORL_CHECKED(charge(count));
    bulk_ = {.kind = type == '$' ? Reply::Kind::Bulk : Reply::Kind::Error};
    bulk_left_ = count + kEndOfLine;
    in_bulk_ = true;
    return {};
  }
  if (count == 0) {
    add({.kind = Reply::Kind::Array});
    return {};
  }
  if (open_.size() >= limits_.depth) {
    return fail(ErrorKind::ResourceLimit, "the answer is nested deeper than {}", limits_.depth);
  }
  // Elements are charged as they come; what is announced alone costs nothing.
  open_.push_back({.reply = {.kind = Reply::Kind::Array}, .left = count});
  return {};
}

Result<> ReplyReader::on_line(std::string_view line) {
  if (line.empty()) {
    return corrupt("an empty line");
  }
  WHORL_CHECKED(charge(sizeof(Reply) + line.size()));
  const char type = line.front();
  const std::string_view rest = line.substr(1);
  switch (type) {
    case '+':
      add({.kind = Reply::Kind::Status, .text = std::string(rest)});
      return {};
    case '-':
      add({.kind = Reply::Kind::Error, .text = std::string(rest)});
      return {};
    case ',':
    case '(':
      add({.kind = Reply::Kind::Bulk, .text = std::string(rest)});
      return {};
    case '_':
      add({});
      return {};
    case ':':
      if (const auto number = to_integer(rest)) {
        add({.kind = Reply::Kind::Integer, .integer = *number});
        return {};
      }
      return corrupt("an integer is no number");
    case '#':
      if (rest == "t" || rest == "f") {
        add({.kind = Reply::Kind::Integer, .integer = rest == "t" ? 1 : 0});
        return {};
      }
      return corrupt("a boolean is neither true nor false");
    case '$':
    case '!':
    case '*':
    case '~':
      return on_length(type, rest);
    default:
      break;
  }
  if (const std::string_view name = refused_type(type); !name.empty()) {
    return fail(ErrorKind::Unsupported, "Redis {} type is not supported", name);
  }
  return corrupt("an unknown type");
}

Result<std::size_t> ReplyReader::read_line(ByteView input) {
  const auto end = std::ranges::find(input, std::uint8_t{'\n'});
  const auto count = static_cast<std::size_t>(std::distance(input.begin(), end));
  if (line_.size() + count > kMaxLine) {
    return corrupt("a line is too long");
  }
  line_ += as_text(input.first(count));
  if (end == input.end()) {
    return count;
  }
  if (!line_.ends_with('\r')) {
    return corrupt("a line ends without a carriage return");
  }
  line_.pop_back();
  const std::string line = std::exchange(line_, {});
  WHORL_CHECKED(on_line(line));
  return count + 1;
}

Result<std::size_t> ReplyReader::read_bulk(ByteView input) {
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(bulk_left_, input.size()));
  bulk_.text += as_text(input.first(count));
  bulk_left_ -= count;
  if (bulk_left_ == 0) {
    if (!bulk_.text.ends_with("\r\n")) {
      return corrupt("a bulk string is longer than it says");
    }
    bulk_.text.resize(bulk_.text.size() - kEndOfLine);
    in_bulk_ = false;
    add(std::exchange(bulk_, {}));
  }
  return count;
}

Result<std::size_t> ReplyReader::read(ByteView input) {
  std::size_t taken = 0;
  while (!done_ && taken < input.size()) {
    const ByteView rest = input.subspan(taken);
    WHORL_TRY(const std::size_t count, in_bulk_ ? read_bulk(rest) : read_line(rest));
    taken += count;
  }
  return taken;
}

Reply ReplyReader::take() {
  done_ = false;
  used_ = 0;
  return std::exchange(result_, {});
}

void append_command(std::string& out, std::span<const std::string_view> words) {
  fmt::format_to(std::back_inserter(out), "*{}\r\n", words.size());
  for (const std::string_view word : words) {
    fmt::format_to(std::back_inserter(out), "${}\r\n", word.size());
    out += word;
    out += "\r\n";
  }
}

}  // namespace whorl::wire::resp
