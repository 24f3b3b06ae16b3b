/// The server's side of an HTTP/2 connection, frame by frame, for the scripts of test::Server: it
/// sends what a script says, whether a codec would or not.
#pragma once

#include "base/local_ptr.hpp"
#include "http/client_test_support.hpp"
#include "http/http2_frames.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

struct nghttp2_hd_inflater;

namespace whorl::http::test {

using Lines = std::vector<std::pair<std::string, std::string>>;

inline constexpr std::uint8_t kData = 0;
inline constexpr std::uint8_t kHeaders = 1;
inline constexpr std::uint8_t kReset = 3;
inline constexpr std::uint8_t kSettings = 4;
inline constexpr std::uint8_t kPing = 6;
inline constexpr std::uint8_t kGoaway = 7;
inline constexpr std::uint8_t kWindow = 8;
inline constexpr std::uint8_t kEnds = 1;
inline constexpr std::uint8_t kHeadIsWhole = 4;

/// Four bytes of a number.
inline std::string number(std::uint32_t value) {
  return {
      static_cast<char>(value >> 24),
      static_cast<char>(value >> 16),
      static_cast<char>(value >> 8),
      static_cast<char>(value)
  };
}

/// Fields as HPACK may write them: literally, without a table. Values below 127 bytes.
inline std::string packed(const Lines& fields) {
  std::string out;
  for (const auto& [name, value] : fields) {
    out.push_back('\0');
    out.push_back(static_cast<char>(name.size()));
    out += name;
    out.push_back(static_cast<char>(value.size()));
    out += value;
  }
  return out;
}
/// The head of an answer, or trailers.
inline std::string head(std::uint32_t stream, const Lines& fields, bool ends = false) {
  const auto flags = static_cast<std::uint8_t>(kHeadIsWhole | (ends ? kEnds : 0));
  return frame(kHeaders, flags, stream, packed(fields));
}
inline std::string data(std::uint32_t stream, std::string_view bytes, bool ends = false) {
  return frame(kData, ends ? kEnds : 0, stream, bytes);
}
inline std::string whole_answer(std::uint32_t stream, std::string_view body) {
  return head(stream, {{":status", "200"}}) + data(stream, body, true);
}
inline std::string reset_frame(std::uint32_t stream, std::uint32_t code) {
  return frame(kReset, 0, stream, number(code));
}
inline std::string goaway(std::uint32_t last, std::uint32_t code = 0) {
  return frame(kGoaway, 0, 0, number(last) + number(code));
}
/// SETTINGS with one value.
inline std::string setting(std::uint16_t name, std::uint32_t value) {
  return frame(
      kSettings,
      0,
      0,
      std::string{static_cast<char>(name >> 8), static_cast<char>(name)} + number(value)
  );
}

class H2Peer {
 public:
  struct Frame {
    std::uint8_t type = 0xff;  ///< 0xff: the connection has ended
    std::uint8_t flags = 0;
    std::uint32_t stream = 0;
    std::string payload;
    [[nodiscard]] bool ends() const { return (flags & kEnds) != 0; }
  };
  struct Seen {
    std::uint32_t stream = 0;  ///< 0: there was none
    Lines fields;
    bool ends = false;
  };

  /// @param settings  sent first; frames
  explicit H2Peer(Peer& peer, std::string_view settings = frame(kSettings, 0, 0, ""));
  ~H2Peer();
  H2Peer(const H2Peer&) = delete;
  H2Peer& operator=(const H2Peer&) = delete;

  void send(std::string_view bytes) { peer_.send(bytes); }
  /// The next frame, whatever it is.
  Frame read_any() {
    const std::string start = peer_.read_bytes(9);
    if (start.size() < 9) {
      return {};
    }
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(start[i]); };
    Frame got;
    got.type = at(3);
    got.flags = at(4);
    got.stream = (at(5) & 0x7fU) << 24 | at(6) << 16U | at(7) << 8U | at(8);
    got.payload = peer_.read_bytes(at(0) << 16U | at(1) << 8U | at(2));
    return got;
  }
  /// The next frame of a request: about windows and settings is done what is to be done.
  Frame read() {
    while (true) {
      Frame got = read_any();
      if (got.type == kSettings && !got.ends()) {
        send(frame(kSettings, 1, 0, ""));
      } else if (got.type != kSettings && got.type != kWindow) {
        return got;
      }
    }
  }
  /// The next request, or trailers; other frames are passed over.
  Seen read_head() {
    while (true) {
      Frame got = read();
      if (got.type == 0xff) {
        return {};
      }
      if (got.type == kHeaders) {
        return {got.stream, inflate(got.payload), got.ends()};
      }
    }
  }
  /// A body to its end. @param trailers  where they go
  std::string read_body(Lines* trailers = nullptr) {
    std::string body;
    while (true) {
      Frame got = read();
      if (got.type == kData) {
        body += got.payload;
        // Room for as much again.
        if (!got.payload.empty()) {
          const auto size = static_cast<std::uint32_t>(got.payload.size());
          send(frame(kWindow, 0, 0, number(size)) + frame(kWindow, 0, got.stream, number(size)));
        }
      } else if (got.type == kHeaders && trailers != nullptr) {
        *trailers = inflate(got.payload);
      }
      if (got.type == 0xff || got.ends()) {
        return body;
      }
    }
  }
  /// Reads until a frame of a kind. @return type 0xff when the connection ends before
  Frame wait_for(std::uint8_t type) {
    while (true) {
      Frame got = read();
      if (got.type == type || got.type == 0xff) {
        return got;
      }
    }
  }

 private:
  Lines inflate(std::string_view block);

  Peer& peer_;
  nghttp2_hd_inflater* inflater_ = nullptr;
};

/// A request to a server that is known to speak HTTP/2.
inline std::shared_ptr<ClientExchange> send_http2(
    Scene& scene, Request request, ClientTimeouts timeouts = {}
) {
  auto exchange = std::make_shared<ClientExchange>(std::move(request), timeouts);
  exchange->set_versions(HttpVersions::Http2Only);
  scene.client.send(exchange);
  return exchange;
}

inline std::string repeat(std::string_view text, int count) {
  std::string all;
  for (int i = 0; i < count; ++i) {
    all.append(text);
  }
  return all;
}

inline Request post(const Server& server, LocalPtr<BodyPipe> body) {
  Request request = get(server);
  request.method = "POST";
  request.body = std::move(body);
  return request;
}

/// Outcome and body of a request, as a line.
inline std::string told(Scene& scene, const std::shared_ptr<ClientExchange>& exchange) {
  auto outcome = scene.outcome(*exchange);
  if (!outcome) {
    return fmt::format("{}: {}", static_cast<int>(outcome.error().failure), outcome.error().text);
  }
  const std::string body = scene.drain(*outcome->body);
  return fmt::format("{} {}{}", outcome->status, body, outcome->body->failure() ? " cut" : "");
}

}  // namespace whorl::http::test
