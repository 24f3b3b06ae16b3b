/// wasi:io/poll.
#pragma once

#include "base/local_ptr.hpp"
#include "wasi/readiness.hpp"
#include "wit/wasi_io_poll.hpp"

#include <memory>
#include <utility>

namespace whorl::wasi::p2 {

/// The one kind of pollable there is: a share in something that becomes ready.
class Pollable final : public wit::wasi_io_poll::Pollable {
 public:
  Pollable(Timers& timers, LocalPtr<Readiness> target) noexcept
      : timers_(timers), target_(std::move(target)) {}
  [[nodiscard]] component::HostResult<bool> ready(component::Call& call) override;
  [[nodiscard]] component::HostResult<> block(component::Call& call) override;
  [[nodiscard]] const LocalPtr<Readiness>& target() const noexcept { return target_; }

 private:
  Timers& timers_;
  LocalPtr<Readiness> target_;
};

class PollHost final : public wit::wasi_io_poll::Host {
 public:
  explicit PollHost(Timers& timers) noexcept : timers_(timers) {}
  [[nodiscard]] component::HostResult<std::vector<std::uint32_t>> poll(
      component::Call& call, std::vector<wit::wasi_io_poll::Pollable*> in
  ) override;

 private:
  Timers& timers_;
};

}  // namespace whorl::wasi::p2
