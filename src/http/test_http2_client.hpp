/// A client that speaks HTTP/2 with prior knowledge, for the tests of this room. It reads and
/// writes only when told to, and can also send frames that no codec would.
#pragma once

#include "http/http2_frames.hpp"
#include "http/server_test_support.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace whorl::http::test {

using Lines = std::vector<std::pair<std::string, std::string>>;

/// What a client saw of one request.
struct H2Answer {
  std::string status;
  Lines fields;  ///< without pseudo fields and date
  std::string body;
  Lines trailers;
  bool ended = false;            ///< END_STREAM was seen
  bool closed = false;           ///< the stream is over, one way or the other
  std::uint32_t error_code = 0;  ///< with closed
  int informational = 0;         ///< answers 1xx before
};

struct H2Options {
  /// Gives windows back by itself.
  bool takes_bodies = true;
};

class H2Client {
 public:
  explicit H2Client(Site& site, H2Options options = {});
  ~H2Client();
  H2Client(const H2Client&) = delete;
  H2Client& operator=(const H2Client&) = delete;

  /// Starts a request that ends with its head. @return its stream's number
  std::int32_t get(std::string_view path, Lines fields = {}) {
    return request("GET", path, std::move(fields), nullptr);
  }
  /// Starts a request whose body is what `body` has at the time, and ends when `*body` ends with
  /// kEnd. `trailers` follow it.
  static constexpr char kEnd = '\x04';
  std::int32_t request(
      std::string_view method,
      std::string_view path,
      Lines fields,
      std::shared_ptr<std::string> body,
      Lines trailers = {}
  );
  /// `body` has more.
  void resume(std::int32_t id);
  void reset(std::int32_t id);
  void ping();
  /// Lets the server send more of a stream's body, and of all.
  void give_window(std::int32_t id, std::int32_t bytes);

  /// Sends and receives what can be, once.
  void step();
  /// Lets the loop run until the answer is over.
  H2Answer& finish(std::int32_t id);
  /// Lets the loop run until the server has closed the connection.
  void wait_for_end();

  /// Bytes as they are, behind what the codec has sent.
  void send_raw(std::string_view bytes);

  std::map<std::int32_t, H2Answer> answers;
  int goaways = 0;
  std::uint32_t goaway_code = 0;
  int pings_answered = 0;
  std::size_t received = 0;  ///< bytes of bodies
  Client socket;

 private:
  struct Codec;
  Site& site_;
  std::unique_ptr<Codec> codec_;
};

}  // namespace whorl::http::test
