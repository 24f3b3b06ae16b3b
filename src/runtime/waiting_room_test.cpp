#include "runtime/waiting_room.hpp"

#include <doctest/doctest.h>

#include <string>

namespace whorl::runtime {
namespace {

using namespace std::chrono_literals;

std::shared_ptr<Service> make_service(std::uint32_t instances, std::uint32_t queued) {
  auto service = std::make_shared<Service>();
  service->gate = std::make_shared<InstanceGate>(instances);
  service->queue = std::make_shared<InstanceGate>(queued);
  return service;
}

/// Events that wait, and what became of them.
struct Scene {
  WaitingRoom room;
  std::string log;
  std::vector<InstanceGate::Place> places;
  WaitingRoom::Clock::time_point now{};

  bool enter(
      const std::shared_ptr<const Service>& service,
      char name,
      const LocalPtr<http::Exchange>& exchange = make_local<http::Exchange>()
  ) {
    WaitingRoom::Resume resume = [this, name](InstanceGate::Place place) {
      log += name;
      log += place ? '+' : '-';
      if (place) {
        places.push_back(std::move(place));
      }
    };
    return room.enter(service, exchange, resume, now);
  }
};

TEST_CASE("events wait in order, by component, and no more of them than may") {
  const auto a = make_service(1, 2);
  const auto b = make_service(1, 1);
  Scene scene;
  auto busy_a = a->gate->try_enter();
  auto busy_b = b->gate->try_enter();
  CHECK(scene.enter(a, '1'));
  CHECK(scene.enter(a, '2'));
  CHECK_FALSE(scene.enter(a, '3'));
  CHECK(scene.enter(b, '4'));
  CHECK(scene.room.has(*a));
  scene.room.serve(scene.now);
  CHECK(scene.log.empty());
  busy_b = {};
  scene.room.serve(scene.now);
  CHECK(scene.log == "4+");
  CHECK_FALSE(scene.room.has(*b));
  busy_a = {};
  scene.room.serve(scene.now);
  CHECK(scene.log == "4+1+");
  CHECK(scene.enter(a, '5'));  // the seat of 1
  scene.places.clear();
  scene.room.serve(scene.now);
  CHECK(scene.log == "4+1+2+");
  scene.places.clear();
  scene.room.serve(scene.now);
  CHECK(scene.log == "4+1+2+5+");
  CHECK(scene.room.is_empty());
}

TEST_CASE("nobody waits for good") {
  const auto patient = make_service(0, 4);
  const auto hasty = make_service(0, 4);
  hasty->limits.response_delay = 1s;
  const auto unlimited = make_service(0, 4);
  unlimited->limits.response_delay = 0ms;
  Scene scene;
  CHECK(scene.enter(patient, 'p'));
  CHECK(scene.enter(hasty, 'h'));
  CHECK(scene.enter(unlimited, 'u'));
  scene.room.serve(scene.now + 999ms);
  CHECK(scene.log.empty());
  scene.room.serve(scene.now + 1s);
  CHECK(scene.log == "h-");
  scene.room.serve(scene.now + WaitingRoom::kLongest);
  CHECK(scene.log == "h-p-u-");
}

TEST_CASE("an event whose client has gone leaves, and so do all when the room closes") {
  const auto service = make_service(0, 4);
  Scene scene;
  const auto gone = make_local<http::Exchange>();
  CHECK(scene.enter(service, 'a'));
  CHECK(scene.enter(service, 'b', gone));
  gone->set_client_gone();
  scene.room.serve(scene.now);
  CHECK(scene.log == "b-");
  scene.room.close();
  CHECK(scene.log == "b-a-");
}

TEST_CASE("without a queue nobody waits") {
  const auto service = make_service(0, 4);
  service->queue = nullptr;
  Scene scene;
  CHECK_FALSE(scene.enter(service, 'a'));
}

}  // namespace
}  // namespace whorl::runtime
