/// Departure: the end of a guest that had much memory.
///
/// The kernel takes 20 ms to take a GiB back, during which a shard would serve nobody. So the
/// memory of such a guest goes back piece by piece, each of them a turn like that of one who
/// computes long, and before anything else is waited for: the engine itself keeps what it is given
/// back until there are several. @thread shard
#pragma once

#include "runtime/guest.hpp"
#include "runtime/guest_run.hpp"

#include <cstdint>
#include <memory>

namespace whorl::runtime {

class Turns;

class Departure final : public GuestRun, public EnableLocalFromThis<Departure> {
 public:
  /// What is given back in one turn: a slice's worth.
  static constexpr std::uint64_t kPiece = std::uint64_t{8} << 20;

  /// Lets go of a guest that serves no event any more: at once if its memory is one piece, else in
  /// turns. @param turns  of its shard
  static void begin(Turns& turns, std::unique_ptr<Guest> guest);

  Departure(Turns& turns, std::unique_ptr<Guest> guest) noexcept
      : turns_(turns), guest_(std::move(guest)) {}

  void step() override;
  void cancel(engine::TrapKind /*kind*/, std::string /*reason*/) override {}
  bool check_deadline(Clock::time_point /*now*/) override { return false; }

 private:
  Turns& turns_;
  std::unique_ptr<Guest> guest_;
  std::uint64_t given_back_ = 0;
};

}  // namespace whorl::runtime
