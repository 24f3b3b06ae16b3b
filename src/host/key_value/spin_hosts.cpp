#include "host/caller.hpp"
#include "host/key_value/key_value_hosts.hpp"
#include "host/key_value/key_value_spans.hpp"

#include <utility>

namespace whorl::host::key_value {
namespace {

namespace v2 = wit::fermyon_spin_key_value;
namespace v1 = wit::fermyon_spin_key_value_v1;

v2::Error to_v2(const Error& error) {
  return v2::Error::other(error.message());
}

v1::Error to_v1(const Error& error) {
  return error.kind() == ErrorKind::NotFound ? v1::Error::no_such_key()
                                             : v1::Error::io(error.message());
}

/// Functions keep the store: the handle may be dropped while they wait.
class SpinStore final : public v2::Store {
 public:
  template <class T>
  using Answer = component::HostResult<std::expected<T, v2::Error>>;

  explicit SpinStore(std::shared_ptr<key_value::Store> store) noexcept : store_(std::move(store)) {}

  Answer<std::optional<Bytes>> get(component::Call& call, std::string_view key) override {
    return answer(
        call,
        [store = store_, key](Caller caller) {
          return HostSpan(spans::spin::kGet).note(store->get(caller, key));
        },
        to_v2
    );
  }
  Answer<void> set(component::Call& call, std::string_view key, ByteView value) override {
    return answer(
        call,
        [store = store_, key, value](Caller caller) {
          return HostSpan(spans::spin::kSet).note(store->set(caller, key, value));
        },
        to_v2
    );
  }
  Answer<void> delete_(component::Call& call, std::string_view key) override {
    return answer(
        call,
        [store = store_, key](Caller caller) {
          return HostSpan(spans::spin::kDelete).note(store->remove(caller, key));
        },
        to_v2
    );
  }
  Answer<bool> exists(component::Call& call, std::string_view key) override {
    return answer(
        call,
        [store = store_, key](Caller caller) {
          return HostSpan(spans::spin::kExists).note(store->exists(caller, key));
        },
        to_v2
    );
  }
  Answer<std::vector<std::string>> get_keys(component::Call& call) override {
    return answer(
        call,
        [store = store_](Caller caller) {
          return HostSpan(spans::spin::kGetKeys).note(store->keys(caller));
        },
        to_v2
    );
  }

 private:
  std::shared_ptr<key_value::Store> store_;
};

}  // namespace

std::shared_ptr<Store> find_store(const GrantedStores& stores, std::string_view label) {
  const auto found = stores.find(label);
  return found != stores.end() ? found->second : nullptr;
}

component::HostResult<std::expected<component::Own<v2::Store>, v2::Error>> SpinHost::store_open(
    component::Call&, std::string_view label
) {
  using Answer = std::expected<component::Own<v2::Store>, v2::Error>;
  HostSpan span(spans::spin::kOpen);
  auto store = find_store(stores_, label);
  spans::note_opened(span, label, store.get());
  if (store == nullptr) {
    return Answer(std::unexpect, v2::Error::access_denied());
  }
  return Answer(std::make_unique<SpinStore>(std::move(store)));
}

std::shared_ptr<Store> SpinV1Host::find(Handle handle) const {
  const auto found = open_.find(handle);
  return found != open_.end() ? found->second : nullptr;
}

SpinV1Host::Answer<SpinV1Host::Handle> SpinV1Host::open(component::Call&, std::string_view name) {
  using Opened = std::expected<Handle, Error>;
  HostSpan span(spans::spin::kOpen);
  auto store = find_store(stores_, name);
  spans::note_opened(span, name, store.get());
  if (store == nullptr) {
    return Opened(std::unexpect, Error::access_denied());
  }
  if (open_.size() >= kMaxOpen) {
    return Opened(std::unexpect, Error::store_table_full());
  }
  while (open_.contains(next_)) {
    ++next_;
  }
  open_.emplace(next_, std::move(store));
  return Opened(next_++);
}

SpinV1Host::Answer<Bytes> SpinV1Host::get(
    component::Call& call, Handle handle, std::string_view key
) {
  const auto store = find(handle);
  if (store == nullptr) {
    return std::expected<Bytes, Error>(std::unexpect, Error::invalid_store());
  }
  return answer(
      call,
      [&store, key](Caller caller) -> Result<Bytes> {
        WHORL_TRY(Value value, HostSpan(spans::spin::kGet).note(store->get(caller, key)));
        if (!value) {
          return fail(ErrorKind::NotFound, "no such key");
        }
        return *std::move(value);
      },
      to_v1
  );
}

SpinV1Host::Answer<void> SpinV1Host::set(
    component::Call& call, Handle handle, std::string_view key, ByteView value
) {
  const auto store = find(handle);
  if (store == nullptr) {
    return std::expected<void, Error>(std::unexpect, Error::invalid_store());
  }
  return answer(
      call,
      [&](Caller caller) {
        return HostSpan(spans::spin::kSet).note(store->set(caller, key, value));
      },
      to_v1
  );
}

SpinV1Host::Answer<void> SpinV1Host::delete_(
    component::Call& call, Handle handle, std::string_view key
) {
  const auto store = find(handle);
  if (store == nullptr) {
    return std::expected<void, Error>(std::unexpect, Error::invalid_store());
  }
  return answer(
      call,
      [&](Caller caller) {
        return HostSpan(spans::spin::kDelete).note(store->remove(caller, key));
      },
      to_v1
  );
}

SpinV1Host::Answer<bool> SpinV1Host::exists(
    component::Call& call, Handle handle, std::string_view key
) {
  const auto store = find(handle);
  if (store == nullptr) {
    return std::expected<bool, Error>(std::unexpect, Error::invalid_store());
  }
  return answer(
      call,
      [&](Caller caller) {
        return HostSpan(spans::spin::kExists).note(store->exists(caller, key));
      },
      to_v1
  );
}

SpinV1Host::Answer<std::vector<std::string>> SpinV1Host::get_keys(
    component::Call& call, Handle handle
) {
  const auto store = find(handle);
  if (store == nullptr) {
    return std::expected<std::vector<std::string>, Error>(std::unexpect, Error::invalid_store());
  }
  return answer(
      call,
      [&](Caller caller) { return HostSpan(spans::spin::kGetKeys).note(store->keys(caller)); },
      to_v1
  );
}

component::HostResult<> SpinV1Host::close(component::Call&, Handle handle) {
  open_.erase(handle);
  return {};
}

void SpinV1Host::reset() noexcept {
  open_.clear();
  next_ = 0;
}

}  // namespace whorl::host::key_value
