#include "component/stream.hpp"

namespace whorl::component {

Progress StreamConsumer<std::uint8_t>::offer_kept() {
  const Progress done = consume(ByteView(kept_).subspan(kept_from_));
  kept_from_ += std::min(done.count, kept_.size() - kept_from_);
  if (kept_from_ == kept_.size()) {
    kept_.clear();
    kept_from_ = 0;
  }
  return done;
}

Progress StreamConsumer<std::uint8_t>::take_from(HostSource& source) {
  if (!kept_.empty()) {
    if (const Progress done = offer_kept(); done.kind != Progress::Kind::Items || !kept_.empty()) {
      return done.kind == Progress::Kind::Items ? Progress::blocked() : done;
    }
  }
  if (const Progress would = consume({}); would.kind != Progress::Kind::Items) {
    return would;
  }
  auto& producer = static_cast<StreamProducer<std::uint8_t>&>(source);
  if (const ByteView bytes = producer.peek(); !bytes.empty()) {
    Progress done = consume(bytes);
    done.count = std::min(done.count, bytes.size());
    producer.skip(done.count);
    return done;
  }
  kept_.resize(kChunk);
  const Progress given = producer.produce(kept_);
  const bool has_items = given.kind == Progress::Kind::Items || given.kind == Progress::Kind::Last;
  kept_.resize(has_items ? std::min(given.count, kChunk) : 0);
  kept_from_ = 0;
  if (kept_.empty()) {
    return given.kind == Progress::Kind::Items ? Progress::blocked() : given;
  }
  const std::size_t count = kept_.size();
  const Progress done = offer_kept();
  const bool is_gone = done.kind == Progress::Kind::Dropped || done.kind == Progress::Kind::Last;
  if (is_gone) {
    kept_.clear();
    kept_from_ = 0;
  }
  return given.kind == Progress::Kind::Last || is_gone ? Progress::last(count)
                                                       : Progress::items(count);
}

bool StreamConsumer<std::uint8_t>::finish(bool is_aborted) {
  while (!is_aborted && !kept_.empty()) {
    const Progress done = offer_kept();
    if (done.kind == Progress::Kind::Blocked ||
        (done.kind == Progress::Kind::Items && done.count == 0)) {
      return false;
    }
    if (done.kind != Progress::Kind::Items) {
      break;
    }
  }
  ended(is_aborted ? StreamEnd::Aborted : StreamEnd::Finished);
  return true;
}

TypeRef async_type(TypeKind kind, TypeRef element) {
  Type type{};
  type.kind = kind;
  type.element = std::move(element);
  return std::make_shared<const Type>(std::move(type));
}

LocalPtr<SharedStream> detail::make_host_stream(
    SharedStream::Kind kind, std::unique_ptr<HostSource> source
) {
  auto shared = make_local<SharedStream>(nullptr, kind, nullptr);
  if (source != nullptr) {
    shared->attach(std::move(source));
  }
  return shared;
}

}  // namespace whorl::component
