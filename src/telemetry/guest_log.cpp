#include "telemetry/guest_log.hpp"

#include "telemetry/text.hpp"

#include <utility>

namespace whorl::telemetry {
namespace {

constexpr std::string_view kForeign = "app_log_non_utf8";

struct Piece {
  std::string text{};
  bool is_foreign = false;
};

Piece piece_of(ByteView bytes) {
  std::string_view text = as_text(bytes).substr(0, GuestLog::kMaxBytes);
  if (text.ends_with('\n')) {
    text.remove_suffix(1);
  }
  // A piece may end within a character, or be cut there: that is no reason to hide all of it.
  if (is_utf8_prefix(text)) {
    return {.text = to_utf8(text)};
  }
  Piece piece{.is_foreign = true};
  append_text_escaped(text.substr(0, GuestLog::kMaxForeignBytes), piece.text);
  return piece;
}

}  // namespace

void GuestLog::set_recorder(const async::Shard& shard, Recorder* recorder) {
  if (recorders_.size() <= shard.index()) {
    recorders_.resize(shard.index() + std::size_t{1}, nullptr);
  }
  recorders_[shard.index()] = recorder;
}

void GuestLog::write(std::string_view component, OutputStream stream, ByteView bytes) {
  const async::Shard* shard = async::Shard::current();
  if (shard == nullptr || shard->index() >= recorders_.size()) {
    return;
  }
  Recorder* recorder = recorders_[shard->index()];
  if (recorder == nullptr || bytes.empty() || as_text(bytes) == "\n") {
    return;
  }
  Piece piece = piece_of(bytes);
  RequestRecord* request = recorder->current();
  if (has_events_ && request != nullptr && request->context().is_sampled) {
    request->add_event(
        {.time_ns = now_ns(),
         .name = "app_log",
         .attributes = {{piece.is_foreign ? std::string(kForeign) : "app_log", piece.text}}}
    );
  }
  if (!recorder->takes_logs()) {
    return;
  }
  LogRecord record;
  record.time_ns = record.observed_ns = now_ns();
  record.body = std::move(piece.text);
  record.attributes = {
      {"component_id", std::string(component)},
      {"log.iostream", std::string(stream == OutputStream::Stdout ? "stdout" : "stderr")},
  };
  if (piece.is_foreign) {
    record.attributes.push_back({std::string(kForeign), true});
  }
  if (request != nullptr) {
    record.trace = request->context().trace;
    record.span = request->context().span;
    record.is_sampled = request->context().is_sampled;
  }
  recorder->add(std::move(record));
}

}  // namespace whorl::telemetry
