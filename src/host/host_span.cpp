#include "host/host_span.hpp"

#include "telemetry/recorder.hpp"

#include <string>
#include <vector>

namespace whorl::host {
namespace {

std::string cut(std::string_view text) {
  return std::string(text.substr(0, HostSpan::kMaxText));
}

telemetry::Blame blame_of(ErrorKind kind) noexcept {
  switch (kind) {
    case ErrorKind::InvalidInput:
    case ErrorKind::NotFound:
    case ErrorKind::AlreadyExists:
    case ErrorKind::PermissionDenied:
    case ErrorKind::ResourceLimit:
    case ErrorKind::GuestTrap:
      return telemetry::Blame::Guest;
    case ErrorKind::Cancelled:
      return telemetry::Blame::Nobody;
    default:
      return telemetry::Blame::Host;
  }
}

}  // namespace

void HostSpan::open(
    telemetry::Recorder& recorder, const SpanSite& site, const telemetry::OpenSpan* parent
) {
  span_ = recorder.open_host_span(site.name, site.kind, parent);
  if (span_ != nullptr && !site.system.empty()) {
    span_->set("db.system.name", std::string(site.system));
  }
}

void HostSpan::rename(std::string_view name) {
  span_->rename(cut(name));
}

void HostSpan::set_text(std::string_view key, std::string_view value) {
  span_->set(key, cut(value));
}

void HostSpan::set_list(std::string_view key, std::span<const std::string_view> values) {
  std::vector<std::string> kept;
  for (const std::string_view value : values.first(std::min(values.size(), kMaxItems))) {
    kept.push_back(cut(value));
  }
  span_->set(key, std::move(kept));
}

void HostSpan::note_failure(ErrorKind kind) {
  if (is_on()) {
    span_->fail(to_string(kind), blame_of(kind));
  }
}

void HostSpan::end() {
  span_->end();
}

}  // namespace whorl::host
