// The table of functions; arguments, environment, clocks, random numbers, the process.
#include "wasi/p1/preview1.hpp"

#include "component/composition.hpp"
#include "wasi/p1/thunk.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <string_view>
#include <utility>

namespace whorl::wasi::p1 {
namespace {

using std::chrono::nanoseconds;

constexpr std::array kFunctions{
    detail::function<&Preview1::args_get>("args_get"),
    detail::function<&Preview1::args_sizes_get>("args_sizes_get"),
    detail::function<&Preview1::environ_get>("environ_get"),
    detail::function<&Preview1::environ_sizes_get>("environ_sizes_get"),
    detail::function<&Preview1::clock_res_get>("clock_res_get"),
    detail::function<&Preview1::clock_time_get>("clock_time_get"),
    detail::function<&Preview1::fd_advise>("fd_advise"),
    detail::function<&Preview1::fd_allocate>("fd_allocate"),
    detail::function<&Preview1::fd_close>("fd_close"),
    detail::function<&Preview1::fd_datasync>("fd_datasync"),
    detail::function<&Preview1::fd_fdstat_get>("fd_fdstat_get"),
    detail::function<&Preview1::fd_fdstat_set_flags>("fd_fdstat_set_flags"),
    detail::function<&Preview1::fd_fdstat_set_rights>("fd_fdstat_set_rights"),
    detail::function<&Preview1::fd_filestat_get>("fd_filestat_get"),
    detail::function<&Preview1::fd_filestat_set_size>("fd_filestat_set_size"),
    detail::function<&Preview1::fd_filestat_set_times>("fd_filestat_set_times"),
    detail::function<&Preview1::fd_pread>("fd_pread"),
    detail::function<&Preview1::fd_prestat_get>("fd_prestat_get"),
    detail::function<&Preview1::fd_prestat_dir_name>("fd_prestat_dir_name"),
    detail::function<&Preview1::fd_pwrite>("fd_pwrite"),
    detail::function<&Preview1::fd_read>("fd_read"),
    detail::function<&Preview1::fd_readdir>("fd_readdir"),
    detail::function<&Preview1::fd_renumber>("fd_renumber"),
    detail::function<&Preview1::fd_seek>("fd_seek"),
    detail::function<&Preview1::fd_sync>("fd_sync"),
    detail::function<&Preview1::fd_tell>("fd_tell"),
    detail::function<&Preview1::fd_write>("fd_write"),
    detail::function<&Preview1::path_create_directory>("path_create_directory"),
    detail::function<&Preview1::path_filestat_get>("path_filestat_get"),
    detail::function<&Preview1::path_filestat_set_times>("path_filestat_set_times"),
    detail::function<&Preview1::path_link>("path_link"),
    detail::function<&Preview1::path_open>("path_open"),
    detail::function<&Preview1::path_readlink>("path_readlink"),
    detail::function<&Preview1::path_remove_directory>("path_remove_directory"),
    detail::function<&Preview1::path_rename>("path_rename"),
    detail::function<&Preview1::path_symlink>("path_symlink"),
    detail::function<&Preview1::path_unlink_file>("path_unlink_file"),
    detail::function<&Preview1::poll_oneoff>("poll_oneoff"),
    detail::function<&Preview1::proc_exit>("proc_exit"),
    detail::function<&Preview1::proc_raise>("proc_raise"),
    detail::function<&Preview1::sched_yield>("sched_yield"),
    detail::function<&Preview1::random_get>("random_get"),
    detail::function<&Preview1::sock_accept>("sock_accept"),
    detail::function<&Preview1::sock_recv>("sock_recv"),
    detail::function<&Preview1::sock_send>("sock_send"),
    detail::function<&Preview1::sock_shutdown>("sock_shutdown"),
};
static_assert(kFunctions.size() == 46);

constexpr component::CoreHostModule kModule{"wasi_snapshot_preview1", kFunctions};

/// Functions that only have a meaning for who has files.
constexpr bool is_about_files(std::string_view name) noexcept {
  return name.starts_with("path_") || name.starts_with("fd_prestat") || name == "fd_renumber";
}
/// Functions whose first argument is a descriptor.
constexpr bool takes_descriptor(std::string_view name) noexcept {
  return name.starts_with("fd_") || name.starts_with("sock_");
}

/// A function as a caller without files has it: descriptors but those of the standard streams are
/// another's, which the host object may well know.
template <std::size_t kIndex>
engine::HostStatus without_files(void* env, engine::Store& store, engine::RawVal* slots) {
  constexpr std::uint32_t kLastStream = 2;
  if (is_about_files(kFunctions[kIndex].name) || slots[0].u32 > kLastStream) {
    slots[0].u64 = static_cast<std::uint32_t>(Errno::BadDescriptor);
    return engine::HostStatus::Return;
  }
  return kFunctions[kIndex].thunk(env, store, slots);
}

constexpr auto kEnvironGet = detail::function<&Preview1::no_environ_get>("environ_get");
constexpr auto kEnvironSizesGet =
    detail::function<&Preview1::no_environ_sizes_get>("environ_sizes_get");

enum Withheld : unsigned { kFiles = 1, kEnvironment = 2 };

template <unsigned kWithheld, std::size_t kIndex>
consteval component::CoreHostFunction variant_of_function() {
  component::CoreHostFunction out = kFunctions[kIndex];
  const std::string_view name = out.name;
  if ((kWithheld & kFiles) != 0 && (is_about_files(name) || takes_descriptor(name))) {
    out.thunk = &without_files<kIndex>;
  } else if ((kWithheld & kEnvironment) != 0 && name == kEnvironGet.name) {
    out.thunk = kEnvironGet.thunk;
  } else if ((kWithheld & kEnvironment) != 0 && name == kEnvironSizesGet.name) {
    out.thunk = kEnvironSizesGet.thunk;
  }
  return out;
}

template <unsigned kWithheld>
constexpr auto kVariant = []<std::size_t... I>(std::index_sequence<I...>) {
  return std::array{variant_of_function<kWithheld, I>()...};
}(std::make_index_sequence<kFunctions.size()>{});

constexpr std::array<component::CoreHostModule, 3> kVariants{{
    {component::kPreview1Variants[0].data(), kVariant<kFiles | kEnvironment>},
    {component::kPreview1Variants[1].data(), kVariant<kEnvironment>},
    {component::kPreview1Variants[2].data(), kVariant<kFiles>},
}};
static_assert(component::kPreview1Variants[3] == kModule.name);

/// More random bytes at once would hold up the shard.
constexpr std::uint32_t kMaxRandomBytes = std::uint32_t{16} << 20;

/// Zero-terminated strings one after another, and an array of pointers to them. Strings are given
/// in pieces, so that "NAME=value" need not be put together first.
class StringTable {
 public:
  /// @param each  calls its argument with the pieces of each string
  template <class Each>
  static Errno sizes(Guest& guest, Ptr count_out, Ptr bytes_out, Each each) {
    std::uint64_t count = 0;
    std::uint64_t bytes = 0;
    each([&](auto... pieces) {
      ++count;
      bytes += (pieces.size() + ...) + 1;
    });
    if (!guest.check(count_out, 4, 4) || !guest.check(bytes_out, 4, 4)) {
      return Errno::Fault;
    }
    if (count > kMaxU32 || bytes > kMaxU32) {
      return Errno::Overflow;
    }
    guest.write(count_out, static_cast<std::uint32_t>(count));
    guest.write(bytes_out, static_cast<std::uint32_t>(bytes));
    return Errno::Success;
  }
  template <class Each>
  static Errno fill(Guest& guest, Ptr array, Ptr buffer, Each each) {
    std::uint64_t count = 0;
    std::uint64_t bytes = 0;
    each([&](auto... pieces) {
      ++count;
      bytes += (pieces.size() + ...) + 1;
    });
    if (!guest.check(array, count * 4, 4) || !guest.check(buffer, bytes)) {
      return Errno::Fault;
    }
    each([&](auto... pieces) {
      guest.write(array, buffer);
      array += 4;
      ((guest.write_bytes(buffer, as_bytes(pieces)), buffer += static_cast<Ptr>(pieces.size())),
       ...);
      guest.write(buffer, std::uint8_t{0});
      ++buffer;
    });
    return Errno::Success;
  }

 private:
  static constexpr std::uint64_t kMaxU32 = std::numeric_limits<std::uint32_t>::max();
};

}  // namespace

std::uint16_t register_preview1(component::HostRegistry& registry) {
  return registry.add(kModule);
}

std::array<std::uint16_t, 3> register_preview1_variants(component::HostRegistry& registry) {
  std::array<std::uint16_t, 3> slots{};
  for (std::size_t i = 0; i < slots.size(); ++i) {
    slots[i] = registry.add(kVariants[i]);
  }
  return slots;
}

namespace {

auto each_argument(const InstanceContext& context) {
  return [&context](auto use) {
    for (const std::string& argument : context.arguments) {
      use(std::string_view(argument));
    }
  };
}

auto each_variable(const InstanceContext& context) {
  return [&context](auto use) {
    for (const auto& [name, value] : context.environment) {
      use(std::string_view(name), std::string_view("="), std::string_view(value));
    }
  };
}

}  // namespace

Preview1& Preview1::other(std::uint16_t component) {
  if (owner_ == component::CallSite::kNone) {
    owner_ = component;
    return *this;
  }
  for (const auto& made : others_) {
    if (made->owner_ == component) {
      return *made;
    }
  }
  others_.push_back(std::make_unique<Preview1>(context_, opened_));
  others_.back()->owner_ = component;
  return *others_.back();
}

Errno Preview1::args_get(Guest& guest, Ptr argv, Ptr buffer) {
  return StringTable::fill(guest, argv, buffer, each_argument(context_));
}

Errno Preview1::args_sizes_get(Guest& guest, Ptr count, Ptr bytes) {
  return StringTable::sizes(guest, count, bytes, each_argument(context_));
}

Errno Preview1::environ_get(Guest& guest, Ptr environ, Ptr buffer) {
  return StringTable::fill(guest, environ, buffer, each_variable(context_));
}

Errno Preview1::no_environ_get(Guest& /*guest*/, Ptr /*array*/, Ptr /*buffer*/) {
  return Errno::Success;
}

Errno Preview1::no_environ_sizes_get(Guest& guest, Ptr count, Ptr bytes) {
  return StringTable::sizes(guest, count, bytes, [](auto /*use*/) {});
}

Errno Preview1::environ_sizes_get(Guest& guest, Ptr count, Ptr bytes) {
  return StringTable::sizes(guest, count, bytes, each_variable(context_));
}

Errno Preview1::clock_res_get(Guest& guest, U32 id, Ptr out) {
  if (id > clockid::kThreadCpu) {
    return Errno::Invalid;
  }
  guest.write(out, std::uint64_t{1});
  return Errno::Success;
}

Errno Preview1::clock_time_get(Guest& guest, U32 id, U64, Ptr out) {
  nanoseconds now{0};
  switch (id) {
    case clockid::kRealtime:
      now = std::chrono::duration_cast<nanoseconds>(context_.timers.wall_now().time_since_epoch());
      break;
    case clockid::kMonotonic:
      now = std::chrono::duration_cast<nanoseconds>(context_.timers.now().time_since_epoch());
      break;
    case clockid::kProcessCpu:
    case clockid::kThreadCpu:
      now = guest.store().cpu_used();
      break;
    default:
      return Errno::Invalid;
  }
  if (now.count() < 0) {
    return Errno::Overflow;
  }
  guest.write(out, static_cast<std::uint64_t>(now.count()));
  return Errno::Success;
}

void Preview1::proc_exit(Guest& guest, U32 code) {
  const auto status = static_cast<int>(code);
  guest.fail({engine::TrapKind::Exit, fmt::format("the guest exited with status {}", code), status}
  );
}

Errno Preview1::proc_raise(Guest&, U32) {
  // There are no signals; abort() of the guests' C library does not come here.
  return Errno::NotSupported;
}

Errno Preview1::sched_yield(Guest& guest) {
  if (guest.fiber() == nullptr) {
    return Errno::Success;
  }
  // An alarm that is due already: the shard's other work has its turn first.
  if (Result<> waited = context_.timers.park_until(*guest.fiber(), context_.timers.now());
      !waited) {
    guest.fail(
        {engine::TrapKind::Cancelled,
         "the guest was ended while it waited: " + waited.error().message()}
    );
  }
  return Errno::Success;
}

Errno Preview1::random_get(Guest& guest, Ptr buffer, U32 size) {
  if (size > kMaxRandomBytes) {
    guest.fail({
        engine::TrapKind::HostTrap,
        "a guest may ask for at most 16 MiB of random bytes at once",
    });
    return Errno::Invalid;
  }
  // A guest seeds its hash maps at every event: to expect the kernel costs a look at the faults.
  if (size <= SecureRandom::kMostCopied) {
    random_.fill(guest.own_range(buffer, size));
    return Errno::Success;
  }
  static_cast<void>(guest.range(buffer, size));  // all of it, or none
  for (U32 done = 0; done < size && !guest.failed(); done += kRandomPiece) {
    if (done != 0 && !guest.store().give_way_if_due()) {
      guest.fail(component::being_ended());
      break;
    }
    // Asked for anew: the kernel writes there, which has to be said behind others' turns, too.
    random_.fill(guest.range(buffer + done, std::min(size - done, kRandomPiece)));
  }
  return Errno::Success;
}

}  // namespace whorl::wasi::p1
