#include "cli/values.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>

namespace whorl::cli {
namespace {

/// Ten years: keeps every later computation far from overflow.
constexpr std::uint64_t kMaxDurationSeconds = 10ULL * 366 * 24 * 3600;

Error invalid(std::string_view why, std::source_location where = std::source_location::current()) {
  return Error(ErrorKind::InvalidInput, std::string(why), where);
}

/// The numeric form of an address; empty when it is none.
std::string numeric(const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  std::array<char, INET6_ADDRSTRLEN> text{};
  for (const int family : {AF_INET, AF_INET6}) {
    if (::inet_pton(family, host.c_str(), bytes.data()) == 1 &&
        ::inet_ntop(family, bytes.data(), text.data(), text.size()) != nullptr) {
      return text.data();
    }
  }
  return {};
}

struct FreeAddresses {
  void operator()(addrinfo* list) const noexcept { ::freeaddrinfo(list); }
};

Result<std::string> look_up(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* raw = nullptr;
  const int status = host.empty() ? EAI_NONAME : ::getaddrinfo(host.c_str(), nullptr, &hints, &raw);
  const std::unique_ptr<addrinfo, FreeAddresses> list(raw);
  if (status != 0) {
    return invalid(fmt::format("failed to lookup address information: {}", ::gai_strerror(status)));
  }
  std::string first;
  for (const addrinfo* at = list.get(); at != nullptr; at = at->ai_next) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (::getnameinfo(
            at->ai_addr, at->ai_addrlen, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST
        ) != 0) {
      continue;
    }
    if (std::string_view(text.data()) == "127.0.0.1") {
      return std::string("127.0.0.1");
    }
    if (first.empty()) {
      first = text.data();
    }
  }
  if (first.empty()) {
    return invalid("the name has no address");
  }
  return first;
}

Result<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) {
    return invalid("invalid port value");
  }
  return port;
}

}  // namespace

Result<ListenAddress> parse_listen_address(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return invalid("invalid socket address");
  }
  std::string host(text.substr(0, colon));
  WHORL_TRY(const std::uint16_t port, parse_port(text.substr(colon + 1)));
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
    if (!host.contains(':')) {
      return invalid("invalid socket address");
    }
  }
  std::string ip = numeric(host);
  if (ip.empty()) {
    WHORL_TRY(ip, look_up(host));
  }
  return ListenAddress{.ip = std::move(ip), .port = port};
}

Result<std::uint64_t> parse_number(std::string_view text) {
  if (text.empty()) {
    return invalid("cannot parse integer from empty string");
  }
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc::result_out_of_range) {
    return invalid("number too large to fit in target type");
  }
  if (error != std::errc{} || end != text.data() + text.size()) {
    return invalid("invalid digit found in string");
  }
  return number;
}

Result<bool> parse_switch(std::string_view text) {
  static constexpr std::array<std::string_view, 6> kAffirmative{"y", "yes", "t", "true", "on", "1"};
  static constexpr std::array<std::string_view, 6> kNegative{"n", "no", "f", "false", "off", "0"};
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  if (std::ranges::find(kAffirmative, lower) != kAffirmative.end()) {
    return true;
  }
  if (std::ranges::find(kNegative, lower) != kNegative.end()) {
    return false;
  }
  return invalid("value was not a boolean");
}

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  struct Unit {
    std::string_view suffix;
    std::uint64_t nanoseconds;
  };
  // Longer suffixes first: "ms" ends in "s", too.
  static constexpr std::array<Unit, 6> kUnits{
      {{"ms", 1'000'000},
       {"us", 1'000},
       {"\xCE\xBCs", 1'000},
       {"ns", 1},
       {"s", 1'000'000'000},
       {"", 1'000'000'000}}
  };
  const auto unit = std::ranges::find_if(kUnits, [&](const Unit& candidate) {
    return text.ends_with(candidate.suffix);
  });
  const auto number = parse_number(text.substr(0, text.size() - unit->suffix.size()));
  if (!number) {
    return invalid(fmt::format(
        "expected integer suffixed by `s`, `ms`, `us`, `\xCE\xBCs`, or `ns`; got \"{}\"; {}",
        text,
        number.error().message()
    ));
  }
  constexpr std::uint64_t kPerSecond = 1'000'000'000;
  constexpr std::uint64_t kPerMillisecond = 1'000'000;
  if (*number > kMaxDurationSeconds * (kPerSecond / unit->nanoseconds)) {
    return invalid(fmt::format("\"{}\" is longer than ten years", text));
  }
  const std::uint64_t nanoseconds = *number * unit->nanoseconds;
  return std::chrono::milliseconds((nanoseconds + kPerMillisecond - 1) / kPerMillisecond);
}

namespace {

/// @param parse  one end
/// @param step   what is between the last value of a range and its end, which is none of it
template <class T, class Parse>
Result<DrawnFrom<T>> parse_drawn(std::string_view text, Parse parse, T step) {
  const auto dots = text.find("..");
  if (dots == std::string_view::npos) {
    WHORL_TRY(const T value, parse(text));
    return DrawnFrom<T>{value, value};
  }
  WHORL_TRY(const T least, parse(text.substr(0, dots)));
  WHORL_TRY(const T end, parse(text.substr(dots + 2)));
  if (end <= least) {
    return invalid(fmt::format("there is nothing in the range \"{}\"", text));
  }
  return DrawnFrom<T>{least, end - step};
}

}  // namespace

Result<DrawnFrom<std::uint32_t>> parse_counts(std::string_view text) {
  static constexpr std::uint64_t kMost = 1'000'000;
  const auto parse = [text](std::string_view one) -> Result<std::uint32_t> {
    const auto number = parse_number(one);
    if (!number) {
      return invalid(
          fmt::format("expected integer or range; got \"{}\"; {}", text, number.error().message())
      );
    }
    if (*number > kMost) {
      return invalid(fmt::format("{} is not in 0..={}", *number, kMost));
    }
    return static_cast<std::uint32_t>(*number);
  };
  WHORL_TRY(auto drawn, parse_drawn<std::uint32_t>(text, parse, 1));
  drawn.least = std::max<std::uint32_t>(drawn.least, 1);
  drawn.most = std::max(drawn.most, drawn.least);
  return drawn;
}

Result<DrawnFrom<std::chrono::milliseconds>> parse_durations(std::string_view text) {
  using std::chrono::milliseconds;
  return parse_drawn<milliseconds>(text, parse_duration, milliseconds(1));
}

Result<std::pair<std::string, std::string>> parse_environment(std::string_view text) {
  const auto equals = text.find('=');
  if (equals == std::string_view::npos) {
    return invalid("Environment variable must be of the form `key=value`");
  }
  return std::pair(std::string(text.substr(0, equals)), std::string(text.substr(equals + 1)));
}

Result<std::pair<std::string, std::string>> parse_key_value(std::string_view text) {
  auto pair = parse_environment(text);
  return pair ? std::move(pair) : invalid("Key/Values must be of the form `key=value`");
}

}  // namespace whorl::cli
