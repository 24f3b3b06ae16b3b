// Streams, futures and waitable sets against a model written from the executable definition: the
// same random operations, the same answers, events and bytes.
#include "component/async_test_support.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstdlib>
#include <map>
#include <random>
#include <vector>

namespace whorl::component {
namespace {

using testing::AsyncWorld;
using testing::kBlocked;

/// Both sides of a stream or future and the sets they are in, as in definitions.py.
class Model {
 public:
  enum class State : std::uint8_t { Idle, Copying, Done };
  struct Shared {
    bool is_future = false;
    bool dropped = false;
    std::uint32_t pending = 0;  ///< handle
  };
  struct End {
    std::shared_ptr<Shared> shared;
    bool reads = false;
    State state = State::Idle;
    bool has_event = false;
    bool reclaims = false;
    std::uint32_t result = 0;
    std::uint32_t ptr = 0, length = 0, progress = 0;
    std::uint32_t set = 0;

    [[nodiscard]] std::uint32_t remain() const { return length - progress; }
    [[nodiscard]] std::uint32_t size() const { return shared->is_future ? 4 : 1; }
  };

  std::map<std::uint32_t, End> ends;
  std::map<std::uint32_t, int> sets;  ///< elements
  std::vector<std::uint8_t> memory = std::vector<std::uint8_t>(65536);

  void done(End& end, std::uint32_t result, bool reclaims = false) {
    end.has_event = true;
    end.result = result;
    end.reclaims = reclaims;
  }
  std::uint32_t take(std::uint32_t handle, bool cancelling = false) {
    End& end = ends.at(handle);
    end.has_event = false;
    if (end.reclaims && end.shared->pending == handle) {
      end.shared->pending = 0;
    }
    end.reclaims = false;
    if (cancelling && end.result == 0 && !end.shared->is_future) {
      end.result = 2;
    }
    const bool over = end.result == 1 || (end.result == 0 && end.shared->is_future);
    end.state = over ? State::Done : State::Idle;
    return end.shared->is_future ? end.result : end.result | end.progress << 4;
  }
  void transfer(End& src, End& dst) {
    const std::uint32_t n = std::min(src.remain(), dst.remain());
    const std::uint32_t size = src.size();
    std::memmove(
        memory.data() + dst.ptr + dst.progress * size,
        memory.data() + src.ptr + src.progress * size,
        n * size
    );
    src.progress += n;
    dst.progress += n;
  }
  std::uint32_t copy(std::uint32_t handle, std::uint32_t ptr, std::uint32_t length) {
    End& end = ends.at(handle);
    end.ptr = ptr;
    end.length = length;
    end.progress = 0;
    end.state = State::Copying;
    Shared& shared = *end.shared;
    if (shared.dropped) {
      done(end, 1);
    } else if (shared.pending == 0) {
      shared.pending = handle;
    } else {
      End& other = ends.at(shared.pending);
      meet(handle, end, other);
    }
    return end.has_event ? take(handle) : kBlocked;
  }
  void meet(std::uint32_t handle, End& end, End& other) {
    Shared& shared = *end.shared;
    End& src = end.reads ? other : end;
    End& dst = end.reads ? end : other;
    if (shared.is_future) {
      transfer(src, dst);
      shared.pending = 0;
      done(other, 0);
      done(end, 0);
    } else if (other.remain() > 0) {
      if (end.remain() > 0) {
        transfer(src, dst);
        done(other, 0, true);
      }
      done(end, 0);
    } else if (!end.reads && end.length == 0 && other.length == 0) {
      done(end, 0);
    } else {
      shared.pending = 0;
      done(other, 0);
      shared.pending = handle;
    }
  }
  std::uint32_t cancel(std::uint32_t handle) {
    End& end = ends.at(handle);
    if (!end.has_event) {
      end.shared->pending = 0;
      done(end, 2);
    }
    return take(handle, true);
  }
  void drop(std::uint32_t handle) {
    End& end = ends.at(handle);
    if (!end.shared->dropped) {
      end.shared->dropped = true;
      if (end.shared->pending != 0) {
        End& other = ends.at(std::exchange(end.shared->pending, 0));
        done(other, 1);
      }
    }
    join(handle, 0);
    ends.erase(handle);
  }
  void join(std::uint32_t handle, std::uint32_t set) {
    End& end = ends.at(handle);
    if (end.set != 0) {
      --sets.at(end.set);
    }
    end.set = set;
    if (set != 0) {
      ++sets.at(set);
    }
  }
};

class Play {
 public:
  explicit Play(std::uint64_t seed) : random_(seed) {}

  void step() {
    switch (pick(12)) {
      case 0:
        return make(pick(3) == 0);
      case 1:
        return make_or_drop_set();
      case 2:
      case 3:
        return join();
      case 4:
      case 5:
        return poll();
      case 6:
        return drop();
      case 7:
        return cancel();
      default:
        return copy();
    }
  }
  void compare_memory() {
    const ByteView real = world_.memory();
    REQUIRE(std::equal(real.begin(), real.end(), model_.memory.begin()));
  }

 private:
  std::uint32_t pick(std::uint32_t below) { return static_cast<std::uint32_t>(random_() % below); }
  std::uint32_t any_end() {
    auto at = model_.ends.begin();
    std::advance(at, pick(static_cast<std::uint32_t>(model_.ends.size())));
    return at->first;
  }
  std::uint32_t any_set() {
    auto at = model_.sets.begin();
    std::advance(at, pick(static_cast<std::uint32_t>(model_.sets.size())));
    return at->first;
  }
  std::uint64_t real(const HostImport* import, std::initializer_list<std::uint32_t> arguments) {
    const auto got = world_.call(*import, arguments);
    REQUIRE(got.has_value());
    return *got;
  }
  static std::size_t kind(const Model::End& end) {
    return (end.shared->is_future ? 2U : 0U) + (end.reads ? 0U : 1U);
  }

  void make(bool is_future) {
    if (model_.ends.size() >= 24) {
      return;
    }
    const std::uint64_t packed = real(new_[is_future ? 1 : 0], {});
    auto shared = std::make_shared<Model::Shared>();
    shared->is_future = is_future;
    for (const bool reads : {true, false}) {
      const auto handle = static_cast<std::uint32_t>(packed >> (reads ? 0 : 32));
      REQUIRE(model_.ends.emplace(handle, Model::End{.shared = shared, .reads = reads}).second);
    }
  }
  void copy() {
    if (model_.ends.empty()) {
      return;
    }
    const std::uint32_t handle = any_end();
    Model::End& end = model_.ends.at(handle);
    if (end.state != Model::State::Idle) {
      return;
    }
    const bool is_future = end.shared->is_future;
    if (is_future && end.reads && end.shared->dropped) {
      return;  // only where the writer was dropped without a value, which traps
    }
    const std::uint32_t length = is_future ? 1 : pick(4) == 0 ? 0 : pick(300);
    const std::uint32_t ptr = 2048 + pick(15000) * 4;
    // What is written is new each time.
    for (std::uint32_t i = 0; !end.reads && i < length * end.size(); ++i) {
      model_.memory[ptr + i] = static_cast<std::uint8_t>(random_());
    }
    if (!end.reads) {
      std::copy_n(model_.memory.begin() + ptr, length * end.size(), world_.memory().begin() + ptr);
    }
    const std::uint32_t expected = model_.copy(handle, ptr, length);
    const std::uint64_t got = is_future ? real(copy_[kind(end)], {handle, ptr})
                                        : real(copy_[kind(end)], {handle, ptr, length});
    REQUIRE(got == expected);
  }
  void cancel() {
    if (model_.ends.empty()) {
      return;
    }
    const std::uint32_t handle = any_end();
    const Model::End& end = model_.ends.at(handle);
    if (end.state == Model::State::Copying) {
      const HostImport* import = cancel_[kind(end)];
      const std::uint32_t expected = model_.cancel(handle);
      REQUIRE(real(import, {handle}) == expected);
    }
  }
  void drop() {
    if (model_.ends.empty()) {
      return;
    }
    const std::uint32_t handle = any_end();
    const Model::End& end = model_.ends.at(handle);
    const bool must_write = end.shared->is_future && !end.reads;
    if (end.state == Model::State::Copying || (must_write && end.state != Model::State::Done)) {
      return;
    }
    const HostImport* import = drop_[kind(end)];
    model_.drop(handle);
    (void)real(import, {handle});
  }
  void make_or_drop_set() {
    if (model_.sets.size() < 4) {
      model_.sets.emplace(static_cast<std::uint32_t>(real(set_new_, {})), 0);
    } else if (const std::uint32_t set = any_set(); model_.sets.at(set) == 0) {
      (void)real(set_drop_, {set});
      model_.sets.erase(set);
    }
  }
  void join() {
    if (model_.ends.empty() || model_.sets.empty()) {
      return;
    }
    const std::uint32_t handle = any_end();
    const std::uint32_t set = pick(3) == 0 ? 0 : any_set();
    model_.join(handle, set);
    (void)real(join_, {handle, set});
  }
  void poll() {
    if (model_.sets.empty()) {
      return;
    }
    const std::uint32_t set = any_set();
    const auto code = static_cast<std::uint32_t>(real(poll_, {set, 0}));
    std::uint32_t event[2];
    std::memcpy(event, world_.memory().data(), sizeof event);
    std::memcpy(model_.memory.data(), event, sizeof event);
    bool any = false;
    for (const auto& [handle, end] : model_.ends) {
      any = any || (end.set == set && end.has_event);
    }
    REQUIRE(any == (code != 0));
    if (any) {  // which one is the implementation's choice
      Model::End& end = model_.ends.at(event[0]);
      REQUIRE((end.set == set && end.has_event));
      REQUIRE(code == 2 + kind(end));
      REQUIRE(event[1] == model_.take(event[0]));
    }
  }

  std::mt19937_64 random_;
  AsyncWorld world_;
  Model model_;
  const HostImport* new_[2] = {&world_.import_of("stream.new"), &world_.import_of("future.new")};
  // By kind(): events have the same order.
  const HostImport* copy_[4] = {
      &world_.import_of("stream.read"),
      &world_.import_of("stream.write"),
      &world_.import_of("future.read"),
      &world_.import_of("future.write")
  };
  const HostImport* cancel_[4] = {
      &world_.import_of("stream.cancel-read"),
      &world_.import_of("stream.cancel-write"),
      &world_.import_of("future.cancel-read"),
      &world_.import_of("future.cancel-write")
  };
  const HostImport* drop_[4] = {
      &world_.import_of("stream.drop-readable"),
      &world_.import_of("stream.drop-writable"),
      &world_.import_of("future.drop-readable"),
      &world_.import_of("future.drop-writable")
  };
  const HostImport* set_new_ = &world_.import_of("waitable-set.new");
  const HostImport* set_drop_ = &world_.import_of("waitable-set.drop");
  const HostImport* join_ = &world_.import_of("waitable.join");
  const HostImport* poll_ = &world_.import_of("waitable-set.poll");
};

TEST_CASE("streams, futures and sets do what the executable definition does") {
  const char* wanted = std::getenv("WHORL_STRESS_STEPS");  // NOLINT(concurrency-mt-unsafe): a test
  const std::uint64_t steps = wanted == nullptr ? 200'000 : std::strtoull(wanted, nullptr, 10);
  const std::uint64_t seed = std::random_device{}();
  CAPTURE(seed);
  Play play(seed);
  for (std::uint64_t i = 0; i < steps; ++i) {
    play.step();
    if (i % 4096 == 0) {
      play.compare_memory();
    }
  }
  play.compare_memory();
}

TEST_CASE("whatever a guest asks for, it is answered or ended, and nothing is left of it") {
  const std::uint64_t seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  std::size_t answered = 0;
  for (int round = 0; round < 1000; ++round) {
    AsyncWorld world;
    std::vector<const HostImport*> imports;
    for (const auto& host : world.component->impl().plan.hosts) {
      imports.push_back(host.get());
    }
    const std::array makers{
        &world.import_of("stream.new"),
        &world.import_of("future.new"),
        &world.import_of("waitable-set.new")
    };
    const auto argument = [&]() -> std::uint32_t {
      const auto bits = static_cast<std::uint32_t>(random());
      return bits % 8 != 0 ? (bits >> 8) % 12 : bits % 16 == 0 ? bits : 65535 - (bits >> 24);
    };
    for (int i = 0; i < 200; ++i) {
      // Half of them make something, for the others to find.
      const HostImport& import = random() % 2 == 0 ? *makers[random() % makers.size()]
                                                   : *imports[random() % imports.size()];
      if (!world.call(import, {argument(), argument(), argument()})) {
        // Ended; the next guest is a new one.
        CHECK(world.store->is_dying());
        break;
      }
      ++answered;
    }
    (void)world.instance->end_event();
    CHECK(world.instance->handles(0).size() == 0);
  }
  CHECK(answered > 1000);
}

}  // namespace
}  // namespace whorl::component
