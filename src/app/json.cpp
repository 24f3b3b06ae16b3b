#include "app/json.hpp"

#include <boost/json/parse_options.hpp>
#include <boost/json/stream_parser.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace whorl::app {
namespace {

constexpr std::size_t kMaxDepth = 64;

void write_string(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          out += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

void write_double(std::string& out, double number) {
  if (!std::isfinite(number)) {
    out += "null";
    return;
  }
  std::string text = fmt::format("{}", number);
  if (text.find_first_not_of("-0123456789") == std::string::npos) {
    text += ".0";
  }
  out += text;
}

class Writer {
 public:
  explicit Writer(JsonStyle style) : style_(style) {}

  void write(const Value& value) {
    if (const bool* flag = value.as_bool()) {
      out_ += *flag ? "true" : "false";
    } else if (const std::int64_t* integer = value.as_integer()) {
      out_ += fmt::to_string(*integer);
    } else if (const double* real = value.as_double()) {
      write_double(out_, *real);
    } else if (const std::string* text = value.as_string()) {
      write_string(out_, *text);
    } else if (const Value::Array* items = value.as_array()) {
      write_entries('[', *items, ']', [this](const Value& item) { write(item); });
    } else if (const Value::Table* members = value.as_table()) {
      write_entries('{', *members, '}', [this](const Member& member) {
        write_string(out_, member.name);
        out_ += style_ == JsonStyle::Pretty ? ": " : ":";
        write(member.value);
      });
    } else {
      out_ += "null";
    }
  }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  template <class Entries, class Write>
  void write_entries(char open, const Entries& entries, char close, Write write_entry) {
    out_ += open;
    ++depth_;
    bool is_first = true;
    for (const auto& entry : entries) {
      out_ += is_first ? "" : ",";
      is_first = false;
      new_line();
      write_entry(entry);
    }
    --depth_;
    if (!entries.empty()) {
      new_line();
    }
    out_ += close;
  }
  void new_line() {
    if (style_ == JsonStyle::Pretty) {
      out_ += '\n';
      out_.append(2 * depth_, ' ');
    }
  }

  JsonStyle style_;
  std::size_t depth_ = 0;
  std::string out_;
};

Value convert(const boost::json::value& from) {
  switch (from.kind()) {
    case boost::json::kind::null:
      return {};
    case boost::json::kind::bool_:
      return Value(from.get_bool());
    case boost::json::kind::int64:
      return Value(from.get_int64());
    case boost::json::kind::uint64:
      return Value(static_cast<double>(from.get_uint64()));
    case boost::json::kind::double_:
      return Value(from.get_double());
    case boost::json::kind::string:
      return Value(std::string(from.get_string()));
    case boost::json::kind::array: {
      Value::Array out;
      for (const boost::json::value& item : from.get_array()) {
        out.push_back(convert(item));
      }
      return Value(std::move(out));
    }
    case boost::json::kind::object: {
      Value::Table out;
      for (const auto& member : from.get_object()) {
        out.push_back({std::string(member.key()), convert(member.value())});
      }
      return Value(std::move(out));
    }
  }
  return {};
}

}  // namespace

std::string json_string(std::string_view text) {
  std::string out;
  write_string(out, text);
  return out;
}

std::string to_json(const Value& value, JsonStyle style) {
  Writer writer(style);
  writer.write(value);
  return writer.take();
}

Result<Value> parse_json(std::string_view text, std::size_t max_bytes) {
  if (text.size() > max_bytes) {
    return fail(ErrorKind::ResourceLimit, "longer than {} bytes", max_bytes);
  }
  boost::json::parse_options options;
  options.max_depth = kMaxDepth;
  boost::json::stream_parser parser({}, options);
  boost::json::error_code error;
  const std::size_t read = parser.write_some(text.data(), text.size(), error);
  if (!error) {
    parser.finish(error);
  }
  const auto left = text.substr(read).find_first_not_of(" \t\r\n");
  if (!error && left != std::string_view::npos) {
    error = boost::json::error::extra_data;
  }
  if (error == boost::json::error::too_deep) {
    return fail(ErrorKind::ResourceLimit, "nested more than {} deep", kMaxDepth);
  }
  if (error) {
    return fail(ErrorKind::InvalidInput, "no JSON after byte {}: {}", read, error.message());
  }
  return convert(parser.release());
}

Value sorted(Value value) {
  if (const Value::Array* items = value.as_array()) {
    Value::Array out;
    out.reserve(items->size());
    for (const Value& item : *items) {
      out.push_back(sorted(item));
    }
    return Value(std::move(out));
  }
  if (const Value::Table* members = value.as_table()) {
    Value::Table out;
    out.reserve(members->size());
    for (const Member& member : *members) {
      out.push_back({member.name, sorted(member.value)});
    }
    std::ranges::sort(out, {}, &Member::name);
    return Value(std::move(out));
  }
  return value;
}

}  // namespace whorl::app
