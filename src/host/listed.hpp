/// Lists as the asynchronous interfaces of `spin:*@3` give them: a stream of the items, and a
/// future that tells whether they are all. @thread shard
#pragma once

#include "component/stream.hpp"

#include <algorithm>
#include <expected>
#include <iterator>
#include <memory>
#include <tuple>
#include <utility>
#include <vector>

namespace whorl::host {

/// `tuple<stream<T>, future<result<_, E>>>`.
template <class T, class E>
using Listed =
    std::tuple<component::StreamReader<T>, component::FutureReader<std::expected<void, E>>>;

/// Items that are all there.
template <class T>
class ListProducer final : public component::StreamProducer<T> {
 public:
  explicit ListProducer(std::vector<T> items) noexcept : items_(std::move(items)) {}

  [[nodiscard]] component::Progress produce(std::size_t room, std::vector<T>& items) override {
    const std::size_t count = std::min(room, items_.size() - next_);
    if (next_ == items_.size()) {
      return component::Progress::dropped();
    }
    const auto first = items_.begin() + static_cast<std::ptrdiff_t>(next_);
    items.assign(
        std::make_move_iterator(first),
        std::make_move_iterator(first + static_cast<std::ptrdiff_t>(count))
    );
    next_ += count;
    return next_ == items_.size() ? component::Progress::last(count)
                                  : component::Progress::items(count);
  }

 private:
  std::vector<T> items_;
  std::size_t next_ = 0;
};

/// The items, or none and why.
template <class T, class E>
[[nodiscard]] Listed<T, E> listed(std::expected<std::vector<T>, E> outcome) {
  using Stream = component::StreamReader<T>;
  using Done = std::expected<void, E>;
  using Future = component::FutureReader<Done>;
  if (!outcome) {
    return {Stream::closed(), Future::ready(Done(std::unexpected(std::move(outcome.error()))))};
  }
  return {
      outcome->empty() ? Stream::closed()
                       : Stream(std::make_unique<ListProducer<T>>(*std::move(outcome))),
      Future::ready(Done())
  };
}

}  // namespace whorl::host
