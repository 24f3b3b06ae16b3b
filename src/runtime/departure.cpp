#include "runtime/departure.hpp"

#include "component/footprint.hpp"
#include "runtime/turns.hpp"

#include <utility>

namespace whorl::runtime {

void Departure::begin(Turns& turns, std::unique_ptr<Guest> guest) {
  if (guest != nullptr && guest->memory_bytes() > kPiece) [[unlikely]] {
    turns.add(make_local<Departure>(turns, std::move(guest)));
  }
}

void Departure::step() {
  const auto begin = Clock::now();
  given_back_ +=
      component::give_back_memory(guest_->instance(), guest_->store(), given_back_, kPiece);
  const auto end = Clock::now();
  guest_->kept()->share.charge(end, end - begin);
  if (given_back_ < guest_->memory_bytes()) {
    turns_.add(shared_from_this());
  }
}

}  // namespace whorl::runtime
