// Ends of streams and futures that the host holds, and what goes with the event.
#include "component/async_test_support.hpp"
#include "component/task.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

namespace whorl::component {
namespace {

using testing::AsyncWorld;
using testing::kBlocked;

/// What a producer or consumer of a test shares with it.
struct Pipe {
  std::string bytes;
  bool is_over = false;
  bool is_gone = false;  ///< the object was destroyed
  std::size_t room = 0;  ///< of a consumer
  std::optional<StreamEnd> end;
  HostEnd* object = nullptr;
};

class Producer final : public StreamProducer<std::uint8_t> {
 public:
  explicit Producer(Pipe& pipe) : pipe_(pipe) { pipe_.object = this; }
  ~Producer() override { pipe_.is_gone = true; }
  [[nodiscard]] Progress produce(MutableByteView room) override {
    if (pipe_.bytes.empty()) {
      return pipe_.is_over ? Progress::dropped() : Progress::blocked();
    }
    const std::size_t count = std::min(room.size(), pipe_.bytes.size());
    std::copy_n(pipe_.bytes.begin(), count, room.begin());
    pipe_.bytes.erase(0, count);
    return Progress::items(count);
  }

 private:
  Pipe& pipe_;
};

class Consumer final : public StreamConsumer<std::uint8_t> {
 public:
  explicit Consumer(Pipe& pipe) : pipe_(pipe) { pipe_.object = this; }
  ~Consumer() override { pipe_.is_gone = true; }
  [[nodiscard]] Progress consume(ByteView bytes) override {
    if (pipe_.room == 0) {
      return pipe_.is_over ? Progress::dropped() : Progress::blocked();
    }
    const std::size_t count = std::min(pipe_.room, bytes.size());
    pipe_.bytes.append(as_text(bytes.first(count)));
    pipe_.room -= count;
    return Progress::items(count);
  }
  void ended(StreamEnd how) override { pipe_.end = how; }

 private:
  Pipe& pipe_;
};

std::string text_at(AsyncWorld& world, std::uint32_t ptr, std::size_t size) {
  return std::string(as_text(ByteView(world.memory()).subspan(ptr, size)));
}

void put(AsyncWorld& world, std::uint32_t ptr, std::string_view text) {
  std::ranges::copy(text, world.memory().begin() + ptr);
}

/// Waits for the one event of an end. @return its payload
std::uint32_t event_of(AsyncWorld& world, std::uint32_t handle) {
  const auto set = static_cast<std::uint32_t>(*world.call("waitable-set.new", {}));
  REQUIRE(world.call("waitable.join", {handle, set}));
  const auto code = *world.call("waitable-set.poll", {set, 0});
  std::uint32_t event[2];
  std::memcpy(event, world.memory().data(), sizeof event);
  REQUIRE(world.call("waitable.join", {handle, 0}));
  REQUIRE(world.call("waitable-set.drop", {set}));
  return code == 0 ? kBlocked : event[1];
}

TEST_CASE("a guest reads what the host produces") {
  AsyncWorld world;
  Pipe pipe;
  pipe.bytes = "hello";
  const std::uint32_t reader =
      world.give(StreamReader<std::uint8_t>(std::make_unique<Producer>(pipe)));
  CHECK(world.call("stream.read", {reader, 2048, 0}) == 0U);  // there is something
  CHECK(world.call("stream.read", {reader, 2048, 3}) == 3U << 4);
  CHECK(world.call("stream.read", {reader, 2051, 9}) == 2U << 4);
  CHECK(text_at(world, 2048, 5) == "hello");
  CHECK(world.call("stream.read", {reader, 2048, 9}) == kBlocked);
  pipe.bytes = "wo";
  pipe.object->notify();
  CHECK(event_of(world, reader) == kBlocked);  // not inside notify()
  world.step();
  pipe.bytes = "rld";
  pipe.object->notify();
  world.step();  // into the rest of the same buffer
  CHECK(event_of(world, reader) == 5U << 4);
  CHECK(text_at(world, 2048, 5) == "world");
  SUBCASE("until the host ends") {
    CHECK(world.call("stream.read", {reader, 2048, 9}) == kBlocked);
    pipe.is_over = true;
    pipe.object->notify();
    world.step();
    CHECK(pipe.is_gone);
    CHECK(event_of(world, reader) == 1);
  }
  SUBCASE("until the guest has enough") {
    CHECK(world.call("stream.read", {reader, 2048, 0}) == kBlocked);
    CHECK(world.call("stream.cancel-read", {reader}) == 2U);
    CHECK(world.call("stream.drop-readable", {reader}));
    CHECK(pipe.is_gone);
  }
  SUBCASE("until the event is over") {
    CHECK(world.call("stream.read", {reader, 2048, 9}) == kBlocked);
    CHECK(world.instance->end_event());
    CHECK(pipe.is_gone);
  }
}

TEST_CASE("the host consumes what a guest writes, where it has it") {
  AsyncWorld world;
  const std::uint64_t pair = *world.call("stream.new", {});
  const auto reader = static_cast<std::uint32_t>(pair);
  const auto writer = static_cast<std::uint32_t>(pair >> 32);
  put(world, 2048, "hello world");
  CHECK(world.call("stream.write", {writer, 2048, 5}) == kBlocked);
  Pipe pipe;
  pipe.room = 4;
  world.take<StreamReader<std::uint8_t>>(reader).consume(std::make_unique<Consumer>(pipe));
  CHECK(pipe.bytes == "hell");  // what was offered already
  pipe.room = 100;
  pipe.object->notify();
  world.step();
  CHECK(pipe.bytes == "hello");
  CHECK(event_of(world, writer) == 5U << 4);
  CHECK(world.call("stream.write", {writer, 2053, 6}) == 6U << 4);
  CHECK(pipe.bytes == "hello world");
  SUBCASE("until the guest drops its end") {
    CHECK(world.call("stream.drop-writable", {writer}));
    CHECK(pipe.end == StreamEnd::Finished);
    CHECK(pipe.is_gone);
  }
  SUBCASE("until the host has enough") {
    pipe.room = 0;
    pipe.is_over = true;
    CHECK(world.call("stream.write", {writer, 2048, 5}) == 1U);
    CHECK(pipe.is_gone);
    CHECK_FALSE(pipe.end.has_value());
    CHECK(world.call("stream.drop-writable", {writer}));
  }
  SUBCASE("until the event is over") {
    CHECK(world.instance->end_event());
    CHECK(pipe.end == StreamEnd::Aborted);
  }
}

TEST_CASE("a stream of the host that the guest gives back flows without it") {
  AsyncWorld world;
  Pipe from;
  from.bytes = "proxied";
  Pipe to;
  to.room = 4;
  const std::uint32_t handle =
      world.give(StreamReader<std::uint8_t>(std::make_unique<Producer>(from)));
  world.take<StreamReader<std::uint8_t>>(handle).consume(std::make_unique<Consumer>(to));
  CHECK(to.bytes == "prox");
  to.room = 100;
  to.object->notify();
  world.step();
  CHECK(to.bytes == "proxied");
  // More than has one turn.
  from.bytes = std::string(1'000'000, 'x');
  to.room = 2'000'000;
  from.object->notify();
  world.step();
  CHECK(to.bytes.size() == 1'000'007);
  from.is_over = true;
  from.object->notify();
  world.step();
  CHECK(to.end == StreamEnd::Finished);
  CHECK(to.is_gone);
  CHECK(from.is_gone);
}

class Texts final : public StreamProducer<std::string> {
 public:
  [[nodiscard]] Progress produce(std::size_t room, std::vector<std::string>& items) override {
    if (left_ == 0) {
      return Progress::dropped();
    }
    if (!is_open) {
      return Progress::blocked();
    }
    for (; room != 0 && left_ != 0; --room, --left_) {
      items.push_back("text " + std::to_string(left_));
    }
    return Progress::items(items.size());
  }
  bool is_open = false;

 private:
  std::size_t left_ = 3;
};

TEST_CASE("values that need the guest's realloc are lowered on a fiber") {
  AsyncWorld world;
  auto texts = std::make_unique<Texts>();
  Texts& producer = *texts;
  const std::uint32_t reader = world.give(StreamReader<std::string>(std::move(texts)));
  const HostImport& read = world.import_of("stream.read", 1);
  CHECK(world.call(read, {reader, 2048, 2}) == kBlocked);
  producer.is_open = true;
  producer.notify();
  world.step();
  CHECK(event_of(world, reader) == 2U << 4);
  std::uint32_t pairs[4];
  std::memcpy(pairs, world.memory().data() + 2048, sizeof pairs);
  CHECK(text_at(world, pairs[0], pairs[1]) == "text 3");
  CHECK(text_at(world, pairs[2], pairs[3]) == "text 2");
}

TEST_CASE("a component may not write values to itself that need an owner, not even none of them") {
  // What the one that waits wants, and the one that comes.
  for (const auto& [first, second] : {std::pair(0U, 0U), {0U, 1U}, {1U, 0U}, {1U, 1U}}) {
    for (const bool writes_first : {true, false}) {
      CAPTURE(first);
      CAPTURE(second);
      CAPTURE(writes_first);
      AsyncWorld world;
      const std::uint64_t pair = *world.call(world.import_of("stream.new", 1), {});
      const auto copy = [&](bool writes, std::uint32_t length) {
        const auto end = static_cast<std::uint32_t>(writes ? pair >> 32 : pair);
        const char* name = writes ? "stream.write" : "stream.read";
        return world.call(world.import_of(name, 1), {end, 2048, length});
      };
      CHECK(copy(writes_first, first) == kBlocked);
      CHECK_FALSE(copy(!writes_first, second));
      CHECK(world.store->is_dying());
    }
  }
}

struct Value32 final : FutureConsumer<std::uint32_t> {
  explicit Value32(std::vector<std::string>& log) : log_(log) {}
  void resolved(std::uint32_t value) override { log_.push_back(std::to_string(value)); }
  void dropped() override { log_.emplace_back("dropped"); }
  std::vector<std::string>& log_;
};

TEST_CASE("futures of the host and of guests") {
  AsyncWorld world;
  SUBCASE("written later by the host") {
    FutureWriter<std::uint32_t> writer;
    const std::uint32_t reader = world.give(writer.reader());
    CHECK(world.call("future.read", {reader, 2048}) == kBlocked);
    CHECK_FALSE(writer.is_reader_gone());
    writer.resolve(77);
    world.step();
    CHECK(event_of(world, reader) == 0);
    CHECK(world.memory()[2048] == 77);
    CHECK_FALSE(world.call("future.read", {reader, 2048}));
    CHECK(world.store->is_dying());
  }
  SUBCASE("given up by the host") {
    auto writer = std::make_unique<FutureWriter<std::uint32_t>>();
    const std::uint32_t reader = world.give(writer->reader());
    CHECK(world.call("future.read", {reader, 2048}) == kBlocked);
    writer.reset();
    world.step();
    CHECK(world.store->is_dying());
  }
  SUBCASE("written by a guest") {
    const std::uint64_t pair = *world.call("future.new", {});
    std::vector<std::string> log;
    world.take<FutureReader<std::uint32_t>>(static_cast<std::uint32_t>(pair))
        .consume(std::make_unique<Value32>(log));
    world.memory()[2048] = 42;
    CHECK(world.call("future.write", {static_cast<std::uint32_t>(pair >> 32), 2048}) == 0U);
    CHECK(log == std::vector<std::string>{"42"});
  }
  SUBCASE("never written by a guest") {
    const std::uint64_t pair = *world.call("future.new", {});
    std::vector<std::string> log;
    world.take<FutureReader<std::uint32_t>>(static_cast<std::uint32_t>(pair))
        .consume(std::make_unique<Value32>(log));
    CHECK(world.instance->end_event());
    CHECK(log == std::vector<std::string>{"dropped"});
  }
}

class Answer final : public FutureProducer<std::uint32_t> {
 public:
  explicit Answer(std::optional<std::uint32_t>& value) : value_(value) {}
  [[nodiscard]] Progress produce(std::optional<std::uint32_t>& value) override {
    value = value_;
    return value ? Progress::items(1) : Progress::blocked();
  }

 private:
  std::optional<std::uint32_t>& value_;
};

/// At its end it has the source notify that it waits for.
struct Waker final : FutureConsumer<std::uint32_t> {
  Waker(std::vector<std::string>& log, HostEnd& source, std::optional<std::uint32_t>& value)
      : log_(log), source_(source), value_(value) {}
  void resolved(std::uint32_t value) override { log_.push_back(std::to_string(value)); }
  void dropped() override {
    value_ = 42;
    source_.notify();
    log_.emplace_back("dropped");
  }
  std::vector<std::string>& log_;
  HostEnd& source_;
  std::optional<std::uint32_t>& value_;
};

TEST_CASE("what waits for a future that waits for it ends once") {
  std::vector<std::string> log;
  std::optional<std::uint32_t> value;
  AsyncWorld world;
  auto answer = std::make_unique<Answer>(value);
  HostEnd& asked = *answer;
  const std::uint32_t handle = world.give(FutureReader<std::uint32_t>(
      ReadableHalf(detail::make_host_stream(SharedStream::Kind::Future, std::move(answer)))
  ));
  world.take<FutureReader<std::uint32_t>>(handle).consume(std::make_unique<Waker>(log, asked, value)
  );
  CHECK(world.instance->end_event());
  CHECK(log == std::vector<std::string>{"dropped"});
}

TEST_CASE("a future of the host that the guest gives back has its value") {
  std::vector<std::string> log;
  std::optional<std::uint32_t> value;
  AsyncWorld world;
  const auto give_back = [&](FutureReader<std::uint32_t> reader) {
    const std::uint32_t handle = world.give(std::move(reader));
    world.take<FutureReader<std::uint32_t>>(handle).consume(std::make_unique<Value32>(log));
  };
  SUBCASE("that was written") {
    give_back(FutureReader<std::uint32_t>::ready(42));
  }
  SUBCASE("that is written later") {
    FutureWriter<std::uint32_t> writer;
    give_back(writer.reader());
    CHECK(log.empty());
    writer.resolve(42);
  }
  SUBCASE("that is asked for") {
    auto answer = std::make_unique<Answer>(value);
    HostEnd& asked = *answer;
    give_back(FutureReader<std::uint32_t>(
        ReadableHalf(detail::make_host_stream(SharedStream::Kind::Future, std::move(answer)))
    ));
    CHECK(log.empty());
    value = 42;
    asked.notify();
  }
  world.step();
  CHECK(log == std::vector<std::string>{"42"});
}

TEST_CASE("a run that goes away unwinds what waits in it") {
  AsyncWorld world;
  Pipe pipe;
  const std::uint32_t reader =
      world.give(StreamReader<std::uint8_t>(std::make_unique<Producer>(pipe)));
  bool has_unwound = false;
  auto entry = [&]() -> std::expected<void, engine::Trap> {
    DirectCall call(*world.instance, 0, DirectCall::Kind::Plain);
    CHECK(world.call("stream.read", {reader, 2048, 9}) == kBlocked);
    const auto set = static_cast<std::uint32_t>(*world.call("waitable-set.new", {}));
    CHECK(world.call("waitable.join", {reader, set}));
    CHECK_FALSE(world.call("waitable-set.wait", {set, 0}));
    has_unwound = true;
    return {};
  };
  world.run->start(
      [](void* env, engine::Fiber&) { return (*static_cast<decltype(entry)*>(env))(); }, &entry
  );
  CHECK(world.step() == FiberRun::State::Waiting);
  world.run.reset();
  CHECK(has_unwound);
  CHECK(pipe.is_gone);
}

TEST_CASE("messages of errors are kept as long as there is room for them") {
  AsyncWorld world;
  const auto length_of = [&](std::uint32_t index) {
    REQUIRE(world.call("error-context.debug-message", {index, 0}));
    std::uint32_t range[2];
    std::memcpy(range, world.memory().data(), sizeof range);
    return range[1];
  };
  const auto make = [&](std::uint32_t size) {
    return static_cast<std::uint32_t>(*world.call("error-context.new", {2048, size}));
  };
  constexpr std::uint32_t kLongest = AsyncState::kMaxMessage;
  CHECK(length_of(make(kLongest + 1)) == 0);
  std::vector<std::uint32_t> kept;
  for (std::size_t i = 0; i < AsyncState::kMaxMessages / kLongest; ++i) {
    kept.push_back(make(kLongest));
  }
  CHECK(length_of(kept.back()) == kLongest);
  CHECK(length_of(make(1)) == 0);
  REQUIRE(world.call("error-context.drop", {kept.back()}));
  CHECK(length_of(make(kLongest)) == kLongest);
}

/// Gives nothing, and says that it holds much.
class Holder final : public StreamProducer<std::uint8_t> {
 public:
  explicit Holder(std::uint64_t bytes) noexcept : bytes_(bytes) {}
  [[nodiscard]] Progress produce(MutableByteView) override { return Progress::blocked(); }
  [[nodiscard]] std::uint64_t kept_bytes() const noexcept override { return bytes_; }

 private:
  std::uint64_t bytes_;
};

TEST_CASE("what the host keeps for a guest behind streams is bounded for all of them together") {
  AsyncWorld world;
  const auto give = [&](std::uint64_t bytes) {
    return world.give(StreamReader<std::uint8_t>(std::make_unique<Holder>(bytes)));
  };
  const auto is_refused = [&](std::uint64_t bytes) {
    InstanceHeap heap(*world.instance, *world.store, world.site);
    LowerContext cx(heap, world.instance->handles(0));
    StreamReader<std::uint8_t> reader(std::make_unique<Holder>(bytes));
    (void)lower_async_value(cx, reader.take_half());
    return cx.failed() && cx.take_trap().message == KeptBytes::kTooMany;
  };
  AsyncState& async = *world.instance->async();
  const std::uint32_t first = give(KeptBytes::kMost - 5);
  const std::uint32_t second = give(5);
  CHECK(async.kept_bytes() == KeptBytes::kMost);
  CHECK(is_refused(1));
  CHECK(is_refused(~std::uint64_t{0}));
  CHECK(async.kept_bytes() == KeptBytes::kMost);
  SUBCASE("until one of them is dropped") {
    CHECK(world.call("stream.drop-readable", {second}));
    CHECK(async.kept_bytes() == KeptBytes::kMost - 5);
    CHECK_FALSE(is_refused(5));
  }
  SUBCASE("and counted once, wherever they are passed on to") {
    (void)world.give(world.take<StreamReader<std::uint8_t>>(first));
    CHECK(async.kept_bytes() == KeptBytes::kMost);
  }
  SUBCASE("until the event is over") {
    world.run->end_remaining();
    world.run.reset();
    (void)world.instance->end_event();
    CHECK(async.kept_bytes() == 0);
  }
}

}  // namespace
}  // namespace whorl::component
