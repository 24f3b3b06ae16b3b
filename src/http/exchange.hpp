/// Exchange: one request being answered, shared by the server's connection and a handler.
///
/// The connection parses the request and calls Handler::handle() once; the handler answers at any
/// later time, from the same shard. Either side may go away first. @thread shard
#pragma once

#include "async/event.hpp"
#include "base/local_ptr.hpp"
#include "http/message.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace whorl::telemetry {
class RequestRecord;
}

namespace whorl::wire::http1 {
struct FieldView;
}

namespace whorl::http {

/// Takes field lines one by one, in the order of the message.
class FieldSink {
 public:
  /// Takes a line. The name is in the case that it came in, the value without blanks around it. The
  /// views are good during the call.
  virtual void add(std::string_view name, std::string_view value) = 0;

 protected:
  ~FieldSink() = default;
};

class Exchange {
 public:
  /// With a request to be filled in through request() before the handler sees it.
  Exchange();
  explicit Exchange(Request request);
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  ~Exchange();

  // --- handler's side --------------------------------------------------------------------------
  /// The request; the handler may move its parts out.
  [[nodiscard]] Request& request() {
    if (!is_whole_) [[unlikely]] {
      complete_request();
    }
    return request_;
  }
  /// The request but for its fields, some or all of which are made when somebody looks at them.
  [[nodiscard]] const Request& request_so_far() const noexcept { return request_; }
  /// Gives all fields to `sink`, for who keeps them in another form: they never come to be in the
  /// request. False, and nothing is given, where some are there already or where it has none.
  [[nodiscard]] bool pass_fields(FieldSink& sink);
  /// Fields as the connection's parser found them, where it has one for lines. Only while the
  /// handler begins: they are views of what the connection received, and what it receives next
  /// takes their place.
  [[nodiscard]] std::span<const wire::http1::FieldView> fields_in_sight() const noexcept {
    return fields_in_sight_;
  }
  void set_fields_in_sight(std::span<const wire::http1::FieldView> fields) noexcept {
    fields_in_sight_ = fields;
  }
  /// Gives it fields as they came, which only who asks for them pays for.
  /// @param lines  valid field lines, each with its CRLF; copied
  void set_field_lines(std::string_view lines) {
    field_lines_ = lines;
    is_whole_ = lines.empty();
  }
  /// Fields behind those, which only who asks for them pays for.
  /// @param add  gives them; called once, or never
  void set_more_fields(std::move_only_function<void(FieldSink&)> add) {
    more_fields_ = std::move(add);
    is_whole_ = false;
  }
  /// Gives the response's head and its body pipe, which may still be open. Once only.
  void respond(Response response);
  /// Answers with a status and an empty body, unless a response was given before: then that
  /// response's body is cut.
  void abort(std::uint16_t status);
  /// The client went away, or the connection is being closed: no answer is wanted any more.
  [[nodiscard]] bool client_gone() const noexcept { return client_gone_; }
  /// It is the first one that its connection was used for.
  [[nodiscard]] bool opened_connection() const noexcept { return opened_connection_; }
  /// Fires when client_gone() becomes true.
  [[nodiscard]] async::Event& client_gone_event() noexcept { return client_gone_event_; }

  // --- connection's side -----------------------------------------------------------------------
  [[nodiscard]] bool has_response() const noexcept { return response_.has_value(); }
  [[nodiscard]] Response& response() { return response_.value(); }
  /// The response, for who answers within the process. Its body stays known here: the handler may
  /// still abort() it, the clock asks how far it is.
  [[nodiscard]] Response take_response();
  /// Fires when respond() or abort() was called.
  [[nodiscard]] async::Event& response_event() noexcept { return response_event_; }
  void set_client_gone();
  void set_opened_connection() noexcept { opened_connection_ = true; }

  // --- both ------------------------------------------------------------------------------------
  /// Gives it a record, before a handler sees it. @see ObservedHandler
  void set_record(std::unique_ptr<telemetry::RequestRecord> record) noexcept;
  /// What is noted about this request; null when nobody wants to know.
  [[nodiscard]] telemetry::RequestRecord* record() const noexcept { return record_.get(); }
  /// Notes that the connection is done with it, for better or worse; without this call it is when
  /// nobody holds the exchange any more.
  void note_end() noexcept;

 private:
  void complete_request();
  /// Gives the fields that are not in the request.
  void give_fields(FieldSink& sink);

  Request request_;
  std::string field_lines_;  ///< not yet among the request's fields
  std::span<const wire::http1::FieldView> fields_in_sight_;
  std::move_only_function<void(FieldSink&)> more_fields_;
  std::optional<Response> response_;
  std::unique_ptr<telemetry::RequestRecord> record_;
  bool is_whole_ = true;  ///< the request has all its fields
  bool client_gone_ = false;
  bool opened_connection_ = false;
  bool is_head_ = false;  ///< known once there is a record
  async::Event response_event_;
  async::Event client_gone_event_;
};

/// What answers requests: a router, a static file server, a component.
class Handler {
 public:
  /// Starts answering. May answer before it returns (a guest that never waits does). Never throws.
  virtual void handle(LocalPtr<Exchange> exchange) = 0;

 protected:
  ~Handler() = default;
};

}  // namespace whorl::http
