// The asynchronous built-ins, called by a hostile guest. Input: a program. The first byte says
// whether it runs on a fiber, where it may block, or as a start function would; then operations:
// calls of built-ins and of a function of the host that waits, streams of the host given and taken.
// Whenever the guest waits, the next bytes say what the host does: it brings or takes bytes, ends a
// wait, ends its side, or ends the guest. Afterwards nothing may be left: no fiber, no handle, no
// object of the host.
#define DOCTEST_CONFIG_IMPLEMENT
#include "base/check.hpp"
#include "component/async_test_support.hpp"
#include "component/task.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace whorl::component {
namespace {

using testing::AsyncWorld;

/// The input, zeros after its end.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : bytes_(data, size) {}
  [[nodiscard]] bool at_end() const noexcept { return next_ == bytes_.size(); }
  std::uint8_t byte() noexcept { return at_end() ? 0 : bytes_[next_++]; }
  /// A handle, a place in memory or a length; at times one that is none.
  std::uint32_t argument() noexcept {
    constexpr std::array<std::uint32_t, 8> kOdd = {
        0xffff'ffff, 0x8000'0000, 0x7fff'ffff, 0x1000'0000, 65536, 65535, 65532, 0x0fff'fffe
    };
    const std::uint8_t value = byte();
    return value < 0xf8 ? value % 32U : kOdd[value - 0xf8U];
  }

 private:
  ByteView bytes_;
  std::size_t next_ = 0;
};

struct Operation final : async::Cancellable {
  void cancel() noexcept override { fiber->unpark(); }
  async::Parkable* fiber = nullptr;
};

/// What the host has open.
struct Host {
  HostResult<std::uint32_t> wait(Call& call, std::uint32_t value) {
    if (value % 4 == 0) {
      return 1;
    }
    Operation operation;
    operation.fiber = call.fiber;
    waiting.push_back(&operation);
    (void)call.fiber->park(&operation);
    std::erase(waiting, &operation);
    return value;
  }
  std::vector<Operation*> waiting;
  std::vector<HostEnd*> ends;
  std::size_t bytes = 0;  ///< that producers have, or consumers take
  bool is_over = false;
};

class Producer final : public StreamProducer<std::uint8_t> {
 public:
  explicit Producer(Host& host) : host_(host) { host_.ends.push_back(this); }
  ~Producer() override { std::erase(host_.ends, this); }
  [[nodiscard]] Progress produce(MutableByteView room) override {
    const std::size_t count = std::min(room.size(), host_.bytes);
    if (count == 0) {
      return host_.is_over ? Progress::dropped() : Progress::blocked();
    }
    std::fill_n(room.begin(), count, std::uint8_t{0x61});
    host_.bytes -= count;
    return Progress::items(count);
  }

 private:
  Host& host_;
};

class Consumer final : public StreamConsumer<std::uint8_t> {
 public:
  explicit Consumer(Host& host) : host_(host) { host_.ends.push_back(this); }
  ~Consumer() override { std::erase(host_.ends, this); }
  [[nodiscard]] Progress consume(ByteView bytes) override {
    const std::size_t count = std::min(bytes.size(), host_.bytes);
    if (count == 0) {
      return host_.is_over ? Progress::dropped() : Progress::blocked();
    }
    host_.bytes -= count;
    return Progress::items(count);
  }
  void ended(StreamEnd /*how*/) override {}

 private:
  Host& host_;
};

class Answer final : public FutureProducer<std::uint32_t> {
 public:
  explicit Answer(Host& host) : host_(host) { host_.ends.push_back(this); }
  ~Answer() override { std::erase(host_.ends, this); }
  [[nodiscard]] Progress produce(std::optional<std::uint32_t>& value) override {
    if (host_.bytes == 0) {
      return Progress::blocked();
    }
    value = 7;
    return Progress::items(1);
  }

 private:
  Host& host_;
};

class Listener final : public FutureConsumer<std::uint32_t> {
 public:
  explicit Listener(Host& host) : host_(host) { host_.ends.push_back(this); }
  ~Listener() override { std::erase(host_.ends, this); }
  void resolved(std::uint32_t /*value*/) override {}
  void dropped() override {}

 private:
  Host& host_;
};

class Program {
 public:
  Program(AsyncWorld& world, Host& host, Input& input) : world_(world), host_(host), input_(input) {
    for (const auto& import : world.component->impl().plan.hosts) {
      imports_.push_back(import.get());
    }
  }

  /// The guest's side, until it is ended or has nothing more to do.
  void run() {
    for (int i = 0; i < kMostOperations && !input_.at_end(); ++i) {
      if (!operation()) {
        return;
      }
    }
  }

  /// The host's side, when the guest waits. @return false when nothing can happen any more
  bool react() {
    const std::uint8_t what = input_.byte();
    const std::uint8_t which = input_.byte();
    switch (what % 8) {
      case 0:
        world_.run->cancel(engine::TrapKind::Cancelled, "the client is gone");
        return true;
      case 1:
        world_.run->cancel(engine::TrapKind::CpuBudget, "the budget is over");
        return true;
      case 2:
        host_.is_over = true;
        break;
      case 3:
      case 4:
        host_.bytes += which;
        break;
      default:
        if (!host_.waiting.empty()) {
          host_.waiting[which % host_.waiting.size()]->fiber->unpark();
          return true;
        }
    }
    if (!host_.ends.empty()) {
      host_.ends[which % host_.ends.size()]->notify();
    }
    return !input_.at_end();
  }

 private:
  static constexpr int kMostOperations = 256;

  bool operation() {
    const std::uint8_t what = input_.byte();
    switch (what) {
      case 0xf0:
        (void)world_.give(StreamReader<std::uint8_t>(std::make_unique<Producer>(host_)));
        return true;
      case 0xf1:
        (void)world_.give(StreamReader<std::uint8_t>::closed());
        return true;
      case 0xf2:
        (void)world_.give(FutureReader<std::uint32_t>::ready(7));
        return true;
      case 0xf3:
        take_stream();
        return true;
      case 0xf4:
        return call_host();
      case 0xf5:
        (void)world_.give(FutureReader<std::uint32_t>(ReadableHalf(
            detail::make_host_stream(SharedStream::Kind::Future, std::make_unique<Answer>(host_))
        )));
        return true;
      case 0xf6:
        take_future();
        return true;
      default:
        break;
    }
    const std::uint32_t first = input_.argument();
    const std::uint32_t second = input_.argument();
    const std::uint32_t third = input_.argument();
    return world_.call(*imports_[what % imports_.size()], {first, second, third}).has_value();
  }

  void take_stream() {
    LiftContext cx(world_.memory(), world_.instance->handles(0));
    engine::RawVal slot{};
    slot.u64 = input_.argument();
    auto reader = Abi<StreamReader<std::uint8_t>>::lift_flat(cx, &slot);
    if (!cx.failed()) {
      reader.consume(std::make_unique<Consumer>(host_));
    }
  }

  void take_future() {
    LiftContext cx(world_.memory(), world_.instance->handles(0));
    engine::RawVal slot{};
    slot.u64 = input_.argument();
    auto reader = Abi<FutureReader<std::uint32_t>>::lift_flat(cx, &slot);
    if (!cx.failed()) {
      reader.consume(std::make_unique<Listener>(host_));
    }
  }

  bool call_host() {
    engine::RawVal slots[2] = {};
    slots[0].u64 = input_.argument();
    slots[1].u64 = input_.argument() * 4;
    return detail::async_thunk<&Host::wait>(&world_.site, *world_.store, slots) ==
           engine::HostStatus::Return;
  }

  AsyncWorld& world_;
  Host& host_;
  Input& input_;
  std::vector<const HostImport*> imports_;
};

/// Of the host: more than any program has bytes.
constexpr int kMostTurns = 10'000;

/// As a guest's task.
void on_fiber(AsyncWorld& world, Program& program) {
  auto entry = [&]() -> std::expected<void, engine::Trap> {
    Thread thread(*world.run, nullptr, 0);
    world.run->push(thread);
    program.run();
    world.run->pop(thread);
    if (world.store->is_dying()) {
      return std::unexpected(world.store->call_guest({}, {}).error());
    }
    return {};
  };
  world.run->start(
      [](void* env, engine::Fiber&) { return (*static_cast<decltype(entry)*>(env))(); }, &entry
  );
  for (int turns = 0; world.step() != FiberRun::State::Done; ++turns) {
    WHORL_CHECK(turns < kMostTurns, "a guest that is ended goes on waiting");
    if (!program.react()) {
      world.run->cancel(engine::TrapKind::Cancelled, "nothing will ever come");
    }
  }
}

void run_program(Input input) {
  Host host;
  {
    AsyncWorld world(&host);
    Program program(world, host, input);
    if (input.byte() % 4 == 0) {
      program.run();
    } else {
      on_fiber(world, program);
    }
    if (world.run->end_remaining()) {
      for (int turns = 0; !world.run->is_empty(); ++turns) {
        WHORL_CHECK(turns < kMostTurns, "what a guest leaves goes on waiting");
        world.step();
      }
    }
    WHORL_CHECK(world.run->is_empty(), "a fiber is left");
    world.run.reset();
    (void)world.instance->end_event();
    WHORL_CHECK(world.instance->handles(0).size() == 0, "a handle is left");
  }
  WHORL_CHECK(host.waiting.empty(), "a wait is left");
  WHORL_CHECK(host.ends.empty(), "an end of the host is left");
}

}  // namespace
}  // namespace whorl::component

namespace {

/// What the test support asks for is asked for here too.
void use_checks() {
  static doctest::Context context;
  context.setAsDefaultForAssertsOutOfTestCases();
  context.setAssertHandler([](const doctest::AssertData& data) {
    WHORL_CHECK(!data.m_failed, "the test support is not content", data.m_expr);
  });
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/) {
  use_checks();
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  whorl::component::run_program({data, size});
  return 0;
}
