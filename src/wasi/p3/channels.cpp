#include "wasi/p3/channels.hpp"

#include <algorithm>
#include <cstring>

namespace whorl::wasi::p3 {
namespace {

using component::Progress;

// What one write of a guest may move before the guest's slice is looked at again.
constexpr std::size_t kMostAtOnce = 256 * 1024;

class SourceProducer final : public component::StreamProducer<std::uint8_t> {
 public:
  SourceProducer(LocalPtr<ByteSource> source, ReadEnded ended)
      : source_(std::move(source)), ended_(std::move(ended)) {}
  /// The guest wants no more, if it was not told of the end.
  ~SourceProducer() override {
    source_.reset();
    tell(nullptr);
  }

  [[nodiscard]] Progress produce(MutableByteView room) override {
    const ByteView bytes = source_->available();
    if (!bytes.empty()) {
      const std::size_t count = std::min(bytes.size(), room.size());
      if (count != 0) {
        std::memcpy(room.data(), bytes.data(), count);
        source_->consume(count);
      }
      return Progress::items(count);
    }
    switch (source_->state()) {
      case ByteSource::State::Open:
        retry_.arm(source_->event());
        return Progress::blocked();
      case ByteSource::State::Failed:
        tell(source_->failure());
        break;
      case ByteSource::State::Ended:
        tell(nullptr);
    }
    return Progress::dropped();
  }
  [[nodiscard]] ByteView peek() override { return source_->available(); }
  /// What used the bytes may have ended the source as well.
  void skip(std::size_t count) override {
    source_->consume(std::min(count, source_->available().size()));
  }

 private:
  void tell(std::unique_ptr<IoError> failure) {
    if (auto ended = std::exchange(ended_, {})) {
      ended(std::move(failure));
    }
  }

  LocalPtr<ByteSource> source_;
  ReadEnded ended_;
  Retry retry_{*this};
};

class SinkConsumer final : public component::StreamConsumer<std::uint8_t> {
 public:
  SinkConsumer(LocalPtr<ByteSink> sink, WriteEnded ended)
      : sink_(std::move(sink)), ended_(std::move(ended)) {}
  ~SinkConsumer() override { tell({WriteEnd::How::Aborted, nullptr}); }

  [[nodiscard]] Progress consume(ByteView bytes) override {
    if (sink_->is_closed()) {
      tell({WriteEnd::How::SinkClosed, nullptr});
      return Progress::dropped();
    }
    std::size_t room = sink_->room();
    if (room == 0) {
      retry_.arm(sink_->event());
      return Progress::blocked();
    }
    bytes = bytes.first(std::min(bytes.size(), kMostAtOnce));
    std::size_t written = 0;
    // A sink that passes on what it is given has room again. One that has closed may have ended
    // what the bytes are from: they are not looked at any more.
    for (; room != 0 && written != bytes.size(); room = sink_->is_closed() ? 0 : sink_->room()) {
      const std::size_t count = std::min(room, bytes.size() - written);
      auto failure = sink_->write(bytes.subspan(written, count));
      written += count;
      if (failure != nullptr) {
        tell({WriteEnd::How::Failed, std::move(failure)});
        return Progress::last(written);
      }
    }
    return Progress::items(written);
  }
  void ended(component::StreamEnd how) override {
    const bool finished = how == component::StreamEnd::Finished;
    tell({finished ? WriteEnd::How::Finished : WriteEnd::How::Aborted, nullptr});
  }

 private:
  void tell(WriteEnd end) {
    if (auto ended = std::exchange(ended_, {})) {
      ended(std::move(end));
    }
  }

  LocalPtr<ByteSink> sink_;
  WriteEnded ended_;
  Retry retry_{*this};
};

}  // namespace

ByteReader read_from(LocalPtr<ByteSource> source, ReadEnded ended) {
  return ByteReader(std::make_unique<SourceProducer>(std::move(source), std::move(ended)));
}

void write_to(ByteReader data, LocalPtr<ByteSink> sink, WriteEnded ended) {
  data.consume(std::make_unique<SinkConsumer>(std::move(sink), std::move(ended)));
}

}  // namespace whorl::wasi::p3
