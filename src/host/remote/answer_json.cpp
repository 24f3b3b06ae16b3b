#include "host/remote/answer_json.hpp"

#include <boost/json/parse_options.hpp>
#include <boost/json/stream_parser.hpp>
#include <boost/json/value.hpp>

#include <charconv>
#include <limits>

namespace whorl::host::remote {
namespace {

constexpr std::size_t kMaxDepth = 64;

/// At least as many as there will be values.
std::size_t count_values(std::string_view text) noexcept {
  std::size_t count = 1;
  bool is_in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (is_in_string) {
      i += c == '\\' ? 1 : 0;
      is_in_string = c != '"';
    } else if (c == '"') {
      is_in_string = true;
    } else if (c == ',' || c == '[' || c == '{') {
      ++count;
    }
  }
  return count;
}

}  // namespace

Result<boost::json::value> parse_answer_json(std::string_view text) {
  if (count_values(text) > kMaxJsonValues) {
    return fail(ErrorKind::ResourceLimit, "JSON of more than {} values", kMaxJsonValues);
  }
  boost::json::parse_options options;
  options.max_depth = kMaxDepth;
  boost::json::stream_parser parser({}, options);
  boost::json::error_code error;
  const std::size_t read = parser.write_some(text.data(), text.size(), error);
  if (!error) {
    parser.finish(error);
  }
  if (error == boost::json::error::too_deep) {
    return fail(ErrorKind::ResourceLimit, "JSON nested more than {} deep", kMaxDepth);
  }
  if (error || text.substr(read).find_first_not_of(" \t\r\n") != std::string_view::npos) {
    return fail(ErrorKind::InvalidInput, "no JSON");
  }
  return parser.release();
}

const boost::json::value* find_value(
    const boost::json::value& root, std::initializer_list<std::string_view> path
) noexcept {
  const boost::json::value* at = &root;
  for (const std::string_view name : path) {
    const boost::json::object* object = at->if_object();
    at = object == nullptr ? nullptr : object->if_contains(name);
    if (at == nullptr) {
      return nullptr;
    }
  }
  return at;
}

std::optional<std::string_view> find_text(
    const boost::json::value& root, std::initializer_list<std::string_view> path
) noexcept {
  const boost::json::value* found = find_value(root, path);
  const boost::json::string* text = found == nullptr ? nullptr : found->if_string();
  if (text == nullptr) {
    return std::nullopt;
  }
  return std::string_view(text->data(), text->size());
}

std::optional<std::int64_t> find_integer(
    const boost::json::value& root, std::initializer_list<std::string_view> path
) noexcept {
  const boost::json::value* found = find_value(root, path);
  if (found == nullptr) {
    return std::nullopt;
  }
  if (const std::int64_t* number = found->if_int64()) {
    return *number;
  }
  const boost::json::string* text = found->if_string();
  if (text == nullptr) {
    return std::nullopt;
  }
  std::int64_t number = 0;
  const char* end = text->data() + text->size();
  const auto [at, code] = std::from_chars(text->data(), end, number);
  return code == std::errc() && at == end ? std::optional(number) : std::nullopt;
}

std::optional<std::uint32_t> find_count(
    const boost::json::value& root, std::initializer_list<std::string_view> path
) noexcept {
  const auto number = find_integer(root, path);
  if (!number || *number < 0 || *number > std::numeric_limits<std::uint32_t>::max()) {
    return std::nullopt;
  }
  return static_cast<std::uint32_t>(*number);
}

const boost::json::array* find_array(
    const boost::json::value& root, std::initializer_list<std::string_view> path
) noexcept {
  const boost::json::value* found = find_value(root, path);
  return found == nullptr ? nullptr : found->if_array();
}

}  // namespace whorl::host::remote
