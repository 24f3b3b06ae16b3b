#include "trigger/http/wagi.hpp"

#include "component/utf8.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

namespace whorl::trigger {
namespace {

constexpr std::string_view kNoType =
    "Exactly one of 'location' or 'content-type' must be specified";
constexpr std::string_view kHidden[] = {"authorization", "connection"};

char upper(char c) noexcept {
  if (c == '-') {
    return '_';
  }
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

std::string variable_name(std::string_view prefix, std::string_view name) {
  std::string out(prefix);
  std::ranges::transform(name, std::back_inserter(out), upper);
  return out;
}

int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// Escapes that are none stay as they are; what is no text in the end stays undecoded.
std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 &&
        hex_value(text[i + 2]) >= 0) {
      out.push_back(static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2])));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  const bool is_text = component::is_valid_utf8(out) && out.find('\0') == std::string::npos;
  return is_text ? out : std::string(text);
}

std::pair<std::string_view, std::string_view> split_authority(std::string_view authority) {
  const std::size_t from = authority.starts_with('[') ? authority.find(']') : 0;
  const std::size_t colon = authority.find(':', from == std::string_view::npos ? 0 : from);
  if (colon == std::string_view::npos) {
    return {authority, "80"};
  }
  return {authority.substr(0, colon), authority.substr(colon + 1)};
}

std::string header_value(std::string_view value) {
  const bool visible =
      std::ranges::all_of(value, [](char c) { return (c >= 0x20 && c < 0x7f) || c == '\t'; });
  return visible ? std::string(value) : "CORRUPT VALUE";
}

using Variables = std::map<std::string, std::string>;

void add_request(Variables& out, const http::Request& request, const app::RouteMatch& match) {
  const std::string_view target = request.path_and_query;
  const std::size_t question = target.find('?');
  const auto [host, port] = split_authority(request.authority);
  const std::string_view client = request.client_address;
  const std::string_view client_ip = client.substr(0, client.rfind(':'));
  std::string_view script = match.route->matched;
  if (script.ends_with("/...")) {
    script.remove_suffix(4);
  }
  out["AUTH_TYPE"] = "";
  out["REMOTE_USER"] = "";
  // Spin looks the type up under a name that no client sends; the value is in HTTP_CONTENT_TYPE.
  out["CONTENT_TYPE"] = request.fields.find("content_type").value_or("");
  out["GATEWAY_INTERFACE"] = "CGI/1.1";
  out["QUERY_STRING"] = question == std::string_view::npos ? "" : target.substr(question + 1);
  out["REMOTE_ADDR"] = client_ip;
  out["REMOTE_HOST"] = client_ip;
  out["REQUEST_METHOD"] = request.method;
  out["SCRIPT_NAME"] = script;
  out["X_RAW_PATH_INFO"] = match.path_info;
  out["PATH_TRANSLATED"] = percent_decoded(match.path_info);
  out["SERVER_NAME"] = request.authority.empty() ? "localhost" : std::string(host);
  out["SERVER_PORT"] = port;
  out["SERVER_PROTOCOL"] = "HTTP/1.1";
  out["SERVER_SOFTWARE"] = "WAGI/1";
  for (const http::Field& field : request.fields.lines()) {
    const bool hidden = std::ranges::any_of(kHidden, [&](std::string_view name) {
      return http::equals_ignoring_case(name, field.name);
    });
    if (!hidden) {
      out[variable_name("HTTP_", field.name)] = header_value(field.value);
    }
  }
}

/// What follows the colon of a header line, without blanks.
std::string_view trimmed(std::string_view text) noexcept {
  const std::size_t first = text.find_first_not_of(" \t");
  return first == std::string_view::npos
             ? std::string_view()
             : text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

void set_status(WagiResponse& out, std::string_view value) {
  const std::string_view code = value.substr(0, value.find(' '));
  std::uint16_t status = 0;
  const auto [end, error] = std::from_chars(code.data(), code.data() + code.size(), status);
  const bool is_status =
      error == std::errc() && end == code.data() + code.size() && status >= 100 && status <= 999;
  out.status = is_status ? status : 502;
}

WagiResponse failure(std::string problem, std::string_view body = {}) {
  return {.status = 500, .fields = {}, .body = std::string(body), .problem = std::move(problem)};
}

struct Parsed {
  std::vector<std::pair<std::string_view, std::string_view>> lines;  ///< name and value
  std::optional<std::string_view> body;  ///< nothing: there was no empty line
};

Parsed parse(std::string_view output) {
  Parsed parsed;
  while (!output.empty()) {
    const std::size_t end = output.find('\n');
    std::string_view line = output.substr(0, end);
    output = end == std::string_view::npos ? std::string_view() : output.substr(end + 1);
    if (line.ends_with('\r')) {
      line.remove_suffix(1);
    }
    if (line.empty()) {
      parsed.body = output;
      return parsed;
    }
    if (const std::size_t colon = line.find(':'); colon != std::string_view::npos) {
      parsed.lines.emplace_back(trimmed(line.substr(0, colon)), trimmed(line.substr(colon + 1)));
    }
  }
  return parsed;
}

}  // namespace

std::vector<EnvironmentEntry> wagi_environment(
    std::span<const EnvironmentEntry> own,
    const http::Request& request,
    const app::RouteMatch& match,
    const app::RequestFacts& facts,
    std::size_t body_bytes
) {
  Variables variables;
  add_request(variables, request, match);
  variables["CONTENT_LENGTH"] = std::to_string(body_bytes);
  app::for_each_spin_header(match, facts, [&](std::string_view name, std::string_view value) {
    name.remove_prefix(std::string_view("spin-").size());
    variables[name == "path-info" ? "PATH_INFO" : variable_name("X_", name)] = value;
  });
  std::vector<EnvironmentEntry> out(own.begin(), own.end());
  out.insert(out.end(), variables.begin(), variables.end());
  return out;
}

std::vector<std::string> wagi_arguments(
    std::string_view argv_template, std::string_view path_and_query
) {
  const std::size_t question = path_and_query.find('?');
  std::string args(question == std::string_view::npos ? "" : path_and_query.substr(question + 1));
  std::ranges::replace(args, '&', ' ');
  std::string text;
  while (!argv_template.empty()) {
    constexpr std::string_view kScript = "${SCRIPT_NAME}";
    constexpr std::string_view kArgs = "${ARGS}";
    if (argv_template.starts_with(kScript)) {
      text.append(path_and_query.substr(0, question));
      argv_template.remove_prefix(kScript.size());
    } else if (argv_template.starts_with(kArgs)) {
      text.append(args);
      argv_template.remove_prefix(kArgs.size());
    } else {
      text.push_back(argv_template.front());
      argv_template.remove_prefix(1);
    }
  }
  std::vector<std::string> out;
  std::size_t begin = 0;
  for (std::size_t end = 0; (end = text.find(' ', begin)) != std::string::npos; begin = end + 1) {
    out.push_back(text.substr(begin, end - begin));
  }
  out.push_back(text.substr(begin));
  return out;
}

WagiResponse parse_wagi_output(ByteView output, std::string_view component_id) {
  if (output.empty()) {
    return failure(fmt::format(
        "The \"{}\" component is configured to use the WAGI executor but did not write to stdout. "
        "Check the `executor` in spin.toml, or if necessary check the component's code.",
        component_id
    ));
  }
  const Parsed parsed = parse(as_text(output));
  const bool is_text = std::ranges::all_of(parsed.lines, [](const auto& line) {
    return component::is_valid_utf8(line.first) && component::is_valid_utf8(line.second);
  });
  if (!is_text) {
    return failure("the command's headers are not UTF-8");
  }
  WagiResponse out;
  bool has_status = false;
  bool has_location = false;
  bool has_type = false;
  for (const auto& [name, value] : parsed.body ? parsed.lines : decltype(parsed.lines)()) {
    if (http::equals_ignoring_case(name, "status")) {
      set_status(out, value);
      has_status = true;
      continue;
    }
    has_location |= http::equals_ignoring_case(name, "location");
    has_type |= http::equals_ignoring_case(name, "content-type");
    if (!http::is_token(name) || !http::is_field_value(value)) {
      out.problem = fmt::format("the command wrote a header that is none: {}", name);
      continue;
    }
    // Of a repeated header the last value goes out.
    out.fields.remove(name);
    out.fields.append(std::string(name), std::string(value));
  }
  if (!has_status && !has_location && !has_type) {
    return failure(std::string(kNoType), kNoType);
  }
  if (has_location && !has_status) {
    out.status = 302;
  }
  out.body = *parsed.body;
  return out;
}

}  // namespace whorl::trigger
