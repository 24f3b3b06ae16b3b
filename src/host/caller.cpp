#include "host/caller.hpp"

#include "base/check.hpp"

namespace whorl::host {

component::HostResult<Caller> caller_of(component::Call& call) {
  if (call.fiber == nullptr) {
    return component::trap(
        "the guest waited in its start function; waiting is possible only once a request is served"
    );
  }
  async::Shard* shard = async::Shard::current();
  WHORL_CHECK(shard != nullptr, "guests run on shards");
  return Caller{*shard, *call.fiber};
}

}  // namespace whorl::host
