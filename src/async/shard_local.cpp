#include "async/shard_local.hpp"

#include <boost/asio/io_context.hpp>

#include <unordered_map>

namespace whorl::async::detail {
namespace {

constinit std::atomic<std::uint64_t> last_owner{0};

/// Lives in a loop and is told before the loop ends.
class Slots : public boost::asio::detail::execution_context_service_base<Slots> {
 public:
  explicit Slots(boost::asio::execution_context& context)
      : boost::asio::detail::execution_context_service_base<Slots>(context) {}
  void shutdown() override { slots.clear(); }

  std::unordered_map<std::uint64_t, std::shared_ptr<void>> slots;
};

}  // namespace

std::shared_ptr<void>& shard_slot(Shard& shard, std::uint64_t owner) {
  return boost::asio::use_service<Slots>(shard.io()).slots[owner];
}

std::uint64_t next_shard_owner() noexcept {
  return last_owner.fetch_add(1, std::memory_order_relaxed) + 1;
}

}  // namespace whorl::async::detail
