/// Lists as the asynchronous interfaces of `spin:*@3` give them: a stream of the items, and a
/// future that tells whether they are all. The host keeps the items until the guest has read them
/// or dropped the stream, so they count for its instance. @thread shard
#pragma once

#include "async/shard.hpp"
#include "component/stream.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <expected>
#include <iterator>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace whorl::host {

/// `tuple<stream<T>, future<result<_, E>>>`.
template <class T, class E>
using Listed =
    std::tuple<component::StreamReader<T>, component::FutureReader<std::expected<void, E>>>;

namespace detail {

/// Memory that a value holds beside itself: of WIT's types, as they are generated.
template <class T>
[[nodiscard]] std::uint64_t held_by(const T& value) noexcept {
  if constexpr (std::is_trivially_copyable_v<T>) {
    return 0;
  } else if constexpr (requires { value.payload; }) {
    return std::visit([](const auto& payload) { return held_by(payload); }, value.payload);
  } else if constexpr (requires { value.values; }) {
    return held_by(value.values);
  } else if constexpr (requires { value.has_value(); }) {
    return value ? held_by(*value) : 0;
  } else if constexpr (requires { std::tuple_size<T>::value; }) {
    return std::apply([](const auto&... each) { return (0 + ... + held_by(each)); }, value);
  } else {
    std::uint64_t bytes = value.size() * sizeof(typename T::value_type);
    if constexpr (!std::is_trivially_copyable_v<typename T::value_type>) {
      for (const auto& item : value) {
        bytes += held_by(item);
      }
    }
    return bytes;
  }
}

/// A list of many items goes piece by piece: the guest that has dropped it may be gone, and others
/// have their turn between them.
template <class T>
void free_in_pieces(std::vector<T> items) noexcept {
  constexpr std::size_t kAtOnce = 1024;
  async::Shard* shard = async::Shard::current();
  if (items.size() <= kAtOnce || shard == nullptr) {
    return;
  }
  items.erase(items.end() - kAtOnce, items.end());
  try {
    shard->post([items = std::move(items)]() mutable { free_in_pieces(std::move(items)); });
  } catch (const std::exception&) {
    // Called by destructors: without memory for that they are gone at once.
  }
}

}  // namespace detail

/// Items that are all there.
template <class T>
class ListProducer final : public component::StreamProducer<T> {
 public:
  explicit ListProducer(std::vector<T> items) noexcept
      : items_(std::move(items)), kept_bytes_(detail::held_by(items_)) {}

  ~ListProducer() override { detail::free_in_pieces(std::move(items_)); }

  [[nodiscard]] std::uint64_t kept_bytes() const noexcept override { return kept_bytes_; }

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
  std::uint64_t kept_bytes_;
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
