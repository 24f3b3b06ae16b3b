// The spans of a request, made of its record when it has ended.
#include "telemetry/recorder.hpp"
#include "telemetry/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace whorl::telemetry {
namespace {

/// Encoded spans are handed over in pieces of this size, bytes: less than what an allocator would
/// fetch from the system each time.
constexpr std::size_t kEncodedBytes = 64 * 1024;
/// Bytes of a text of a client's in a span or record.
constexpr std::size_t kMaxAttribute = 1024;

/// Host and port of "host:port", "[v6]:port", "host".
std::pair<std::string_view, std::optional<std::int64_t>> split_port(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  const std::size_t bracket = text.rfind(']');
  if (colon == std::string_view::npos || (bracket != std::string_view::npos && bracket > colon)) {
    return {text, std::nullopt};
  }
  std::uint16_t port = 0;
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data() + colon + 1, end, port);
  if (read.ec != std::errc() || read.ptr != end) {
    return {text, std::nullopt};
  }
  return {text.substr(0, colon), port};
}

/// Methods that anybody has heard of; a span is not named by what a client makes up.
/// @return empty for others
std::string_view known_method(std::string_view method) {
  static constexpr std::array<std::string_view, 9> kKnown{
      "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"
  };
  const auto* found = std::ranges::find(kKnown, method);
  return found == kKnown.end() ? std::string_view() : *found;
}

/// Host and port of what a client said it wants, which is anybody's text.
void append_address(std::string& out, std::string_view text) {
  const auto [host, port] = split_port(text);
  if (!host.empty()) {
    append_attribute(out, "server.address", host.substr(0, kMaxAttribute));
  }
  if (port) {
    append_attribute(out, "server.port", *port);
  }
}

void append_client(std::string& out, std::string_view text) {
  const auto [host, port] = split_port(text);
  if (!host.empty()) {
    append_attribute(out, "client.address", host);
    append_attribute(out, "network.peer.address", host);
  }
  if (port) {
    append_attribute(out, "network.peer.port", *port);
  }
}

}  // namespace

void Recorder::write_spans(const RequestRecord& record) {
  switch (record.origin_) {
    case RequestRecord::Origin::Message:
      add_message_span(record);
      break;
    case RequestRecord::Origin::Chained:
      add_work_span(record);
      break;
    case RequestRecord::Origin::Client:
      if (record.component_ != nullptr) {
        add_work_span(record);
      }
      add_server_span(record);
      break;
  }
}

/// What a request's span says of it that was known when it began.
void Recorder::describe(const RequestRecord& record) {
  using Part = KeptText::Part;
  const KeptText& text = record.text_;
  std::string& out = scratch_;
  const std::string_view method = text.part(Part::Method);
  const std::string_view known = known_method(method);
  append_attribute(out, "http.request.method", known.empty() ? "_OTHER" : known);
  if (known.empty()) {
    append_attribute(out, "http.request.method_original", method.substr(0, kMaxAttribute));
  }
  append_attribute(out, "url.path", text.part(Part::Path).substr(0, kMaxAttribute));
  append_attribute(out, "url.scheme", text.scheme());
  append_attribute(out, "network.protocol.name", "http");
  if (const auto slash = text.protocol().find('/'); slash != std::string_view::npos) {
    append_attribute(out, "network.protocol.version", text.protocol().substr(slash + 1));
  }
  append_address(out, text.part(Part::Authority));
  append_client(out, text.part(Part::Client));
  if (const std::string_view agent = text.part(Part::UserAgent); !agent.empty()) {
    append_attribute(out, "user_agent.original", agent.substr(0, kMaxAttribute));
  }
}

/// What the span of a component's work says of it.
void Recorder::note_work(const RequestRecord& record, EncodedSpan& span) {
  append_attribute(scratch_, "component_id", record.component_->component);
  if (!record.failure().empty()) {
    span.status = SpanStatus::Failed;
    append_attribute(scratch_, "error.type", record.failure());
    append_attribute(scratch_, "error.blame", "guest");
  }
  if (record.dropped_host_spans_ != 0) {
    append_attribute(
        scratch_, "whorl.dropped_spans", static_cast<std::int64_t>(record.dropped_host_spans_)
    );
  }
  if (record.rare_ != nullptr) {
    for (const SpanEvent& event : record.rare_->events) {
      append_event(events_, event);
    }
    span.dropped_events = record.rare_->dropped_events;
  }
  span.attributes = scratch_;
  span.events = events_;
}

void Recorder::add_work_span(const RequestRecord& record) {
  EncodedSpan work{
      .context = record.work_,
      // The request's own span, or that of who calls.
      .parent =
          record.origin_ == RequestRecord::Origin::Chained ? record.remote_ : record.server_.span,
      .trace_state = record.trace_state(),
      .name = record.is_wagi_ ? "execute_wagi_component " : "execute_wasm_component ",
      .name_rest = record.component_->component,
      .start_ns = record.began_ns_ + to_ns(record.work_began_ - record.began_),
      .end_ns = record.began_ns_ +
                to_ns(std::max(record.work_ended_, record.work_began_) - record.began_),
  };
  note_work(record, work);
  add(work);
}

void Recorder::add_message_span(const RequestRecord& record) {
  append_attribute(scratch_, "messaging.operation", "receive");
  append_attribute(scratch_, "messaging.system", "redis");
  const std::string channel =
      to_utf8(record.text_.part(KeptText::Part::Route).substr(0, kMaxAttribute));
  append_attribute(scratch_, "messaging.destination.name", channel);
  EncodedSpan span{
      .context = record.server_,
      .name = channel,
      .name_rest = " receive",
      .kind = SpanKind::Consumer,
      .start_ns = record.began_ns_,
      .end_ns = record.began_ns_ + to_ns(record.ended_ - record.began_),
  };
  note_work(record, span);
  if (record.status_ >= 500) {
    span.status = SpanStatus::Failed;
  }
  add(span);
}

void Recorder::add_server_span(const RequestRecord& record) {
  const std::string_view known = known_method(record.text_.part(KeptText::Part::Method));
  const std::string_view method = known.empty() ? "HTTP" : known;
  const std::string_view route = record.text_.part(KeptText::Part::Route);
  describe(record);
  EncodedSpan server{
      .context = record.server_,
      .parent = record.remote_,
      .is_parent_remote = record.remote_.is_valid(),
      .trace_state = record.trace_state(),
      .name = method,
      .kind = SpanKind::Server,
      .start_ns = record.began_ns_,
      .end_ns = record.began_ns_ + to_ns(record.ended_ - record.began_),
  };
  if (!route.empty()) {
    append_attribute(scratch_, "http.route", route);
    server.name_gap = " ";
    server.name_rest = route;
  }
  if (record.status_ != 0) {
    append_attribute(scratch_, "http.response.status_code", std::int64_t{record.status_});
  }
  if (record.status_ >= 500 || record.ending_ == RequestRecord::Ending::Cut) {
    server.status = SpanStatus::Failed;
    append_attribute(
        scratch_,
        "error.type",
        record.failure().empty() ? std::to_string(record.status_) : std::string(record.failure())
    );
  }
  server.attributes = scratch_;
  add(server);
}

void Recorder::add(const EncodedSpan& span) {
  if (encoded_.capacity() < kEncodedBytes) [[unlikely]] {
    encoded_.reserve(kEncodedBytes + kEncodedBytes / 8);
  }
  append_span(encoded_, span);
  scratch_.clear();
  events_.clear();
  if (++encoded_count_ >= options_.span_batch || encoded_.size() >= kEncodedBytes) {
    hand_over_spans();
  } else {
    schedule();
  }
}

}  // namespace whorl::telemetry
