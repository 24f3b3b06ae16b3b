/// SharedGuests: the instances of a shard that answer several requests each, and may get more.
/// @thread shard
#pragma once

#include "base/local_ptr.hpp"
#include "runtime/service.hpp"
#include "runtime/shared_guest.hpp"

#include <cstdint>
#include <memory>
#include <random>
#include <unordered_map>
#include <vector>

namespace whorl::runtime {

class SharedGuests {
 public:
  SharedGuests();
  SharedGuests(const SharedGuests&) = delete;
  SharedGuests& operator=(const SharedGuests&) = delete;
  ~SharedGuests();

  /// Which instances are good for a request.
  enum class Wanted : std::uint8_t {
    Free,  ///< those that begin with it at once
    Any,   ///< those that have it wait, too
  };
  /// The first that has room, so that those made last become idle. Null if there is none.
  [[nodiscard]] LocalPtr<SharedGuest> find(const Service& service, Wanted wanted) const;
  /// For an instance that is to be made.
  [[nodiscard]] SharedGuest::Terms draw(const ReuseLimits& limits);
  void add(LocalPtr<SharedGuest> guest);
  /// It gets no more requests.
  void remove(const SharedGuest& guest) noexcept;
  /// The service was replaced: its instances end as soon as their requests are over.
  void forget(const Service& service);
  /// Ends an instance that has nothing to do. @return false if there is none
  bool evict_one();
  /// Ends all that have nothing to do.
  void evict_all();

 private:
  std::unordered_map<const Service*, std::vector<LocalPtr<SharedGuest>>> guests_;
  std::minstd_rand random_;
};

}  // namespace whorl::runtime
