#include "host/caller.hpp"
#include "host/key_value/key_value_hosts.hpp"
#include "host/key_value/key_value_spans.hpp"

#include <utility>

namespace whorl::host::key_value {
namespace {

namespace wasi = wit::wasi_keyvalue_store;
using WasiError = wasi::Error;

WasiError to_wasi(const Error& error) {
  return WasiError::other(error.message());
}

/// Functions keep the store: the handle may be dropped while they wait.
class WasiBucket final : public wasi::Bucket {
 public:
  template <class T>
  using Answer = component::HostResult<std::expected<T, WasiError>>;

  explicit WasiBucket(std::shared_ptr<Store> store) noexcept : store_(std::move(store)) {}
  [[nodiscard]] const std::shared_ptr<Store>& store() const noexcept { return store_; }

  Answer<std::optional<Bytes>> get(component::Call& call, std::string_view key) override {
    return answer(
        call,
        [store = store_, key](Caller caller) {
          return HostSpan(spans::wasi::kGet).note(store->get(caller, key));
        },
        to_wasi
    );
  }
  Answer<void> set(component::Call& call, std::string_view key, ByteView value) override {
    return answer(
        call,
        [store = store_, key, value](Caller caller) {
          return HostSpan(spans::wasi::kSet).note(store->set(caller, key, value));
        },
        to_wasi
    );
  }
  Answer<void> delete_(component::Call& call, std::string_view key) override {
    return answer(
        call,
        [store = store_, key](Caller caller) {
          return HostSpan(spans::wasi::kDelete).note(store->remove(caller, key));
        },
        to_wasi
    );
  }
  Answer<bool> exists(component::Call& call, std::string_view key) override {
    return answer(
        call,
        [store = store_, key](Caller caller) {
          return HostSpan(spans::wasi::kExists).note(store->exists(caller, key));
        },
        to_wasi
    );
  }
  /// One answer has all keys, so that there never is a cursor to go on from.
  Answer<wasi::KeyResponse> list_keys(component::Call& call, std::optional<std::string_view> cursor)
      override {
    if (cursor) {
      return std::expected<wasi::KeyResponse, WasiError>(
          std::unexpect, WasiError::other("list_keys: cursor not supported")
      );
    }
    return answer(
        call,
        [store = store_](Caller caller) -> Result<wasi::KeyResponse> {
          WHORL_TRY(auto keys, HostSpan(spans::wasi::kListKeys).note(store->keys(caller)));
          return wasi::KeyResponse{.keys = std::move(keys), .cursor = std::nullopt};
        },
        to_wasi
    );
  }

 private:
  std::shared_ptr<Store> store_;
};

/// Every bucket of this process is ours.
std::shared_ptr<Store> store_of(const wasi::Bucket& bucket) {
  return static_cast<const WasiBucket&>(bucket).store();
}

Error too_much_kept() {
  return Error(ErrorKind::ResourceLimit, "the component's handles hold too many keys and values");
}

class WasiCas final : public WasiAtomicsHost::Cas {
 public:
  /// @return ResourceLimit
  [[nodiscard]] static Result<std::unique_ptr<WasiCas>> make(
      std::shared_ptr<Store> store, std::string_view key, const std::shared_ptr<KeptMemory>& kept
  ) {
    auto state = std::make_shared<State>(std::move(store), kept);
    if (!state->kept.try_resize(sizeof(State) + key.size())) {
      return too_much_kept();
    }
    state->key = key;
    return std::make_unique<WasiCas>(std::move(state));
  }

  component::HostResult<std::expected<std::optional<Bytes>, WasiError>> current(
      component::Call& call
  ) override {
    return answer(
        call,
        [state = state_](Caller caller) -> Result<Value> {
          HostSpan span(spans::wasi::kCasCurrent);
          WHORL_TRY(Value seen, span.note(state->store->get(caller, state->key)));
          const std::size_t bytes = sizeof(State) + state->key.size() + (seen ? seen->size() : 0);
          if (!state->kept.try_resize(bytes)) {
            return too_much_kept();
          }
          state->seen = std::move(seen);
          return state->seen;
        },
        to_wasi
    );
  }

  /// Outlives the handle while a call waits.
  struct State {
    State(std::shared_ptr<Store> its_store, std::shared_ptr<KeptMemory> account) noexcept
        : store(std::move(its_store)), kept(std::move(account)) {}
    std::shared_ptr<Store> store;
    std::string key;
    Value seen;  ///< by current(); before that nothing, as if the key were not there
    KeptMemory::Share kept;
  };
  explicit WasiCas(std::shared_ptr<State> state) noexcept : state_(std::move(state)) {}
  [[nodiscard]] const State& state() const noexcept { return *state_; }

 private:
  std::shared_ptr<State> state_;
};

}  // namespace

component::HostResult<std::expected<component::Own<wasi::Bucket>, WasiError>> WasiStoreHost::open(
    component::Call&, std::string_view identifier
) {
  using Answer = std::expected<component::Own<wasi::Bucket>, WasiError>;
  HostSpan span(spans::wasi::kOpen);
  auto store = find_store(stores_, identifier);
  spans::note_opened(span, identifier, store.get());
  if (store == nullptr) {
    return Answer(std::unexpect, WasiError::access_denied());
  }
  return Answer(std::make_unique<WasiBucket>(std::move(store)));
}

component::HostResult<std::expected<component::Own<WasiAtomicsHost::Cas>, WasiError>>
WasiAtomicsHost::cas_new(component::Call&, Bucket& bucket, std::string_view key) {
  using Answer = std::expected<component::Own<Cas>, Error>;
  const HostSpan span(spans::wasi::kCasNew);
  auto made = WasiCas::make(store_of(bucket), key, kept_);
  return made ? Answer(*std::move(made)) : Answer(std::unexpect, to_wasi(made.error()));
}

component::HostResult<std::expected<std::int64_t, WasiError>> WasiAtomicsHost::increment(
    component::Call& call, Bucket& bucket, std::string_view key, std::int64_t delta
) {
  return answer(
      call,
      [store = store_of(bucket), key, delta](Caller caller) {
        return HostSpan(spans::spin::kIncrement).note(store->increment(caller, key, delta));
      },
      to_wasi
  );
}

component::HostResult<std::expected<void, WasiAtomicsHost::CasError>> WasiAtomicsHost::swap(
    component::Call& call, component::Own<Cas> cas, ByteView value
) {
  using Answer = std::expected<void, CasError>;
  const WasiCas::State& state = static_cast<const WasiCas&>(*cas).state();
  const auto to_cas_error = [](const whorl::Error& error) {
    return CasError::store_error(to_wasi(error));
  };
  auto swapped = answer(
      call,
      [&](Caller caller) {
        return HostSpan(spans::spin::kSwap)
            .note(state.store->compare_and_set(caller, state.key, state.seen, value));
      },
      to_cas_error
  );
  if (!swapped) {
    return std::unexpected(std::move(swapped.error()));
  }
  if (!*swapped) {
    return Answer(std::unexpect, std::move(swapped->error()));
  }
  if (**swapped) {
    return Answer();
  }
  auto fresh = WasiCas::make(state.store, state.key, kept_);
  if (!fresh) {
    return Answer(std::unexpect, to_cas_error(fresh.error()));
  }
  auto read = (*fresh)->current(call);
  if (!read) {
    return std::unexpected(std::move(read.error()));
  }
  if (!*read) {
    return Answer(std::unexpect, CasError::store_error(std::move(read->error())));
  }
  return Answer(std::unexpect, CasError::cas_failed(*std::move(fresh)));
}

component::HostResult<std::expected<FoundPairs, WasiError>> WasiBatchHost::get_many(
    component::Call& call, Bucket& bucket, std::vector<std::string_view> keys
) {
  if (keys.empty()) {
    return std::expected<FoundPairs, Error>();
  }
  return answer(
      call,
      [store = store_of(bucket), &keys](Caller caller) {
        return HostSpan(spans::spin::kGetMany).note(store->get_many(caller, keys));
      },
      to_wasi
  );
}

component::HostResult<std::expected<void, WasiError>> WasiBatchHost::set_many(
    component::Call& call, Bucket& bucket, std::vector<PairView> key_values
) {
  if (key_values.empty()) {
    return std::expected<void, Error>();
  }
  return answer(
      call,
      [store = store_of(bucket), &key_values](Caller caller) {
        return HostSpan(spans::spin::kSetMany).note(store->set_many(caller, key_values));
      },
      to_wasi
  );
}

component::HostResult<std::expected<void, WasiError>> WasiBatchHost::delete_many(
    component::Call& call, Bucket& bucket, std::vector<std::string_view> keys
) {
  if (keys.empty()) {
    return std::expected<void, Error>();
  }
  return answer(
      call,
      [store = store_of(bucket), &keys](Caller caller) {
        return HostSpan(spans::spin::kDeleteMany).note(store->remove_many(caller, keys));
      },
      to_wasi
  );
}

}  // namespace whorl::host::key_value
