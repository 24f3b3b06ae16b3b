/// HostSpan: the span of what a guest asks of the host, under its own open span or the component's.
///
///     return answer(call, [&](Caller caller) {
///       return HostSpan(kGet).set("key", key).note(store->get(caller, key));
///     }, to_error);
///
/// Begins when it is made and ends with it; the wait is inside. While nothing is recorded it is a
/// load and a branch, and what set() is given is not looked at. What is noted of a failure is its
/// kind, never its text: servers repeat values there that are nobody else's. Text is cut; how many
/// spans an event may have is bounded. @thread shard
#pragma once

#include "base/result.hpp"
#include "telemetry/open_span.hpp"
#include "telemetry/recorder_table.hpp"

#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

namespace whorl::host {

/// What all spans of one function have in common.
struct SpanSite {
  std::string_view name;
  telemetry::SpanKind kind = telemetry::SpanKind::Client;
  std::string_view system{};  ///< `db.system.name`; empty: none
};

class HostSpan {
 public:
  /// Bytes of a text that are kept.
  static constexpr std::size_t kMaxText = 1024;
  /// Texts of a list that are kept.
  static constexpr std::size_t kMaxItems = 32;

  explicit HostSpan(const SpanSite& site) {
    if (telemetry::Recorder* recorder = telemetry::recorder_here()) [[unlikely]] {
      open(*recorder, site, nullptr);
    }
  }
  /// A part of what another span of the same call stands for.
  HostSpan(const SpanSite& site, const HostSpan& whole) {
    if (whole.is_on()) [[unlikely]] {
      open(*telemetry::recorder_here(), site, whole.span_.get());
    }
  }
  HostSpan(const HostSpan&) = delete;
  HostSpan& operator=(const HostSpan&) = delete;
  ~HostSpan() {
    if (is_on()) [[unlikely]] {
      end();
    }
  }

  /// Whether anything comes of it: for what is costly to say.
  [[nodiscard]] bool is_on() const noexcept { return span_ != nullptr; }
  /// Called by this instead of the site's name. @param name  as few different ones as can be
  HostSpan& named(std::string_view name) {
    if (is_on()) [[unlikely]] {
      rename(name);
    }
    return *this;
  }
  HostSpan& set(std::string_view key, std::string_view value) {
    if (is_on()) [[unlikely]] {
      set_text(key, value);
    }
    return *this;
  }
  HostSpan& set(std::string_view key, std::span<const std::string_view> values) {
    if (is_on()) [[unlikely]] {
      set_list(key, values);
    }
    return *this;
  }
  HostSpan& set(std::string_view key, std::int64_t value) {
    if (is_on()) [[unlikely]] {
      span_->set(key, value);
    }
    return *this;
  }
  /// Where it goes: `server.address`, `server.port`.
  HostSpan& at(std::string_view host, std::uint16_t port) {
    return set("server.address", host).set("server.port", std::int64_t{port});
  }

  /// @param type  why, as one of few short names
  void fail(std::string_view type, telemetry::Blame blame) {
    if (is_on()) [[unlikely]] {
      span_->fail(type, blame);
    }
  }
  /// Notes whether it went well, and hands the outcome on.
  template <class T>
  [[nodiscard]] Result<T> note(Result<T> outcome) {
    if (is_on() && !outcome) [[unlikely]] {
      note_failure(outcome.error().kind());
    }
    return outcome;
  }
  /// The same where the error is an interface's. @param kind_of  (const E&) -> ErrorKind
  template <class T, class E, class KindOf>
  [[nodiscard]] std::expected<T, E> note(std::expected<T, E> outcome, KindOf kind_of) {
    if (is_on() && !outcome) [[unlikely]] {
      note_failure(kind_of(outcome.error()));
    }
    return outcome;
  }
  void note_failure(ErrorKind kind);

 private:
  void open(telemetry::Recorder& recorder, const SpanSite& site, const telemetry::OpenSpan* parent);
  void rename(std::string_view name);
  void set_text(std::string_view key, std::string_view value);
  void set_list(std::string_view key, std::span<const std::string_view> values);
  void end();

  std::unique_ptr<telemetry::OpenSpan> span_;  ///< null: nothing is recorded
};

}  // namespace whorl::host
