#include "runtime/shared_guests.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace whorl::runtime {

SharedGuests::SharedGuests()
    // Reuse counts are drawn so that instances don't all end at once: no secret.
    : random_(static_cast<std::minstd_rand::result_type>(
          std::chrono::steady_clock::now().time_since_epoch().count()
      )) {}

SharedGuests::~SharedGuests() = default;

LocalPtr<SharedGuest> SharedGuests::find(const Service& service, Wanted wanted) const {
  const auto found = guests_.find(&service);
  if (found == guests_.end()) {
    return nullptr;
  }
  const auto fits = [&](const LocalPtr<SharedGuest>& guest) {
    return guest->has_room() && (wanted == Wanted::Any || !guest->holds_back());
  };
  const auto guest = std::ranges::find_if(found->second, fits);
  return guest == found->second.end() ? nullptr : *guest;
}

SharedGuest::Terms SharedGuests::draw(const ReuseLimits& limits) {
  const auto number = [&](auto least, auto most) {
    return std::uniform_int_distribution(least, most)(random_);
  };
  const auto time = [&](const Between<std::chrono::milliseconds>& between) {
    return std::chrono::milliseconds(number(between.least.count(), between.most.count()));
  };
  return {
      .events = number(limits.events.least, limits.events.most),
      .at_once = number(limits.at_once.least, limits.at_once.most),
      .idle = time(limits.idle),
      .timeout = time(limits.timeout),
  };
}

void SharedGuests::add(LocalPtr<SharedGuest> guest) {
  auto& guests = guests_[&guest->service()];
  guests.push_back(std::move(guest));
}

void SharedGuests::remove(const SharedGuest& guest) noexcept {
  const auto found = guests_.find(&guest.service());
  if (found == guests_.end()) {
    return;
  }
  std::erase_if(found->second, [&](const auto& held) { return held.get() == &guest; });
  if (found->second.empty()) {
    guests_.erase(found);
  }
}

void SharedGuests::forget(const Service& service) {
  auto forgotten = guests_.extract(&service);
  if (forgotten.empty()) {
    return;
  }
  for (const auto& guest : forgotten.mapped()) {
    guest->retire();
  }
}

bool SharedGuests::evict_one() {
  for (auto& [service, guests] : guests_) {
    const auto idle =
        std::ranges::find_if(guests, [](const auto& held) { return held->is_idle(); });
    if (idle != guests.end()) {
      const LocalPtr<SharedGuest> guest = *idle;
      remove(*guest);
      guest->retire();
      return true;
    }
  }
  return false;
}

void SharedGuests::evict_all() {
  while (evict_one()) {
  }
}

}  // namespace whorl::runtime
