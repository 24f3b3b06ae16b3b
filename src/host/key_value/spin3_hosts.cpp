#include "host/caller.hpp"
#include "host/key_value/key_value_hosts.hpp"
#include "host/key_value/key_value_spans.hpp"
#include "host/listed.hpp"
#include "wit/spin_key_value_key_value_abi.hpp"

#include <utility>

namespace whorl::host::key_value {
namespace {

namespace v3 = wit::spin_key_value_key_value;

v3::Error to_v3(const Error& error) {
  return v3::Error::other(error.message());
}

/// Functions keep the store: the handle may be dropped while they wait.
class Spin3Store final : public v3::Store {
 public:
  template <class T>
  using Answer = component::HostResult<std::expected<T, v3::Error>>;

  explicit Spin3Store(std::shared_ptr<key_value::Store> store) noexcept
      : store_(std::move(store)) {}

  Answer<std::optional<Bytes>> get(component::Call& call, std::string key) override {
    return answer(
        call,
        [store = store_, &key](Caller caller) {
          return HostSpan(spans::spin::kGet).note(store->get(caller, key));
        },
        to_v3
    );
  }
  Answer<void> set(component::Call& call, std::string key, Bytes value) override {
    return answer(
        call,
        [store = store_, &key, &value](Caller caller) {
          return HostSpan(spans::spin::kSet).note(store->set(caller, key, value));
        },
        to_v3
    );
  }
  Answer<void> delete_(component::Call& call, std::string key) override {
    return answer(
        call,
        [store = store_, &key](Caller caller) {
          return HostSpan(spans::spin::kDelete).note(store->remove(caller, key));
        },
        to_v3
    );
  }
  Answer<bool> exists(component::Call& call, std::string key) override {
    return answer(
        call,
        [store = store_, &key](Caller caller) {
          return HostSpan(spans::spin::kExists).note(store->exists(caller, key));
        },
        to_v3
    );
  }
  component::HostResult<Listed<std::string, v3::Error>> get_keys(component::Call& call) override {
    auto keys = answer(
        call,
        [store = store_](Caller caller) {
          return HostSpan(spans::spin::kGetKeys).note(store->keys(caller));
        },
        to_v3
    );
    if (!keys) {
      return std::unexpected(std::move(keys.error()));
    }
    return listed(*std::move(keys));
  }

 private:
  std::shared_ptr<key_value::Store> store_;
};

}  // namespace

component::HostResult<std::expected<component::Own<v3::Store>, v3::Error>> Spin3Host::store_open(
    component::Call&, std::string label
) {
  using Answer = std::expected<component::Own<v3::Store>, v3::Error>;
  HostSpan span(spans::spin::kOpen);
  auto store = find_store(stores_, label);
  spans::note_opened(span, label, store.get());
  if (store == nullptr) {
    return Answer(std::unexpect, v3::Error::access_denied());
  }
  return Answer(std::make_unique<Spin3Store>(std::move(store)));
}

}  // namespace whorl::host::key_value
