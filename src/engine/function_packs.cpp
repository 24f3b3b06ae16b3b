#include "engine/function_packs.hpp"

#include "engine/cache_directory.hpp"
#include "engine/cache_entry.hpp"

#include <dirent.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <string>

extern "C" {
// Of third_party/wasmtime/src/lib.rs.
bool whorl_config_function_store_set(
    wasm_config_t* config,
    void* env,
    bool (*get)(
        void* env,
        const std::uint8_t* key,
        std::size_t key_bytes,
        const std::uint8_t** value,
        std::size_t* value_bytes
    ),
    bool (*insert)(
        void* env,
        const std::uint8_t* key,
        std::size_t key_bytes,
        const std::uint8_t* value,
        std::size_t value_bytes
    ),
    void (*finalizer)(void* env)
);
}

namespace whorl::engine {
namespace {

/// The end of a pack's payload; before it the functions, their index by key, the fingerprints of
/// the module's bodies in order. Little-endian, no padding.
struct Footer {
  std::uint64_t entries = 0;
  std::uint64_t bodies = 0;
};

constexpr std::size_t kPrefixDigits = 16;

std::string prefix_of(std::string_view compatibility_key) {
  return to_hex(sha256(as_bytes(compatibility_key))).substr(0, kPrefixDigits) + "-";
}

/// What a pack's checksum is made for: its name.
Sha256Digest key_of(std::string_view name) {
  return Sha256().update(as_bytes("whorl functions 1: ")).update(as_bytes(name)).finish();
}

template <class T>
void append(Bytes& to, std::span<const T> items) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(items.data());
  to.insert(to.end(), bytes, bytes + items.size_bytes());
}

struct Listed {
  std::string name;
  std::uint64_t bytes;
  timespec used;
};

std::vector<Listed> list_packs(const CacheDirectory& directory, std::string_view prefix) {
  std::vector<Listed> found;
  DIR* listing = ::fdopendir(::openat(directory.fd(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (listing == nullptr) {
    return found;
  }
  const std::unique_ptr<DIR, capi::Deleter<::closedir>> owned(listing);
  while (const dirent* item = ::readdir(listing)) {
    const std::string_view name = item->d_name;
    struct stat status = {};
    if (name.starts_with(prefix) && name.ends_with(kFunctionsSuffix) &&
        ::fstatat(directory.fd(), item->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0) {
      found.push_back(
          {std::string(name), static_cast<std::uint64_t>(status.st_size), status.st_mtim}
      );
    }
  }
  std::ranges::sort(found, [](const Listed& a, const Listed& b) {
    return std::pair(a.used.tv_sec, a.used.tv_nsec) > std::pair(b.used.tv_sec, b.used.tv_nsec);
  });
  return found;
}

}  // namespace

/// One pack, mapped.
class FunctionPacks::Pack {
 public:
  /// @return null for a file that is no sound pack
  static std::unique_ptr<Pack> open(const CacheDirectory& directory, const std::string& name) {
    File file = directory.open(name);
    struct stat status = {};
    if (!file.is_open() || !verify_entry(file.fd(), key_of(name)) ||
        ::fstat(file.fd(), &status) != 0) {
      return nullptr;
    }
    const std::size_t size = static_cast<std::size_t>(status.st_size);
    void* mapped = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.fd(), 0);
    if (mapped == MAP_FAILED) {
      return nullptr;
    }
    auto pack = std::make_unique<Pack>(std::move(file), mapped, size);
    return pack->find_parts() ? std::move(pack) : nullptr;
  }
  Pack(File file, void* mapped, std::size_t size) noexcept
      : file_(std::move(file)), mapped_(mapped), size_(size) {}
  Pack(const Pack&) = delete;
  Pack& operator=(const Pack&) = delete;
  ~Pack() {
    ::munmap(mapped_, size_);
    if (is_used_.load(std::memory_order_relaxed)) {
      ::futimens(file_.fd(), nullptr);  // when it was last used
    }
  }

  [[nodiscard]] std::optional<ByteView> find(ByteView key) const noexcept {
    std::size_t low = 0;
    std::size_t high = entries_.size() / sizeof(Entry);
    while (low < high) {
      const std::size_t middle = low + (high - low) / 2;
      Entry entry;
      std::memcpy(&entry, entries_.data() + middle * sizeof(Entry), sizeof(Entry));
      const int order = std::memcmp(entry.key.data(), key.data(), entry.key.size());
      if (order == 0) {
        if (entry.offset > values_.size() || entry.bytes > values_.size() - entry.offset) {
          return std::nullopt;
        }
        is_used_.store(true, std::memory_order_relaxed);
        return values_.subspan(entry.offset, entry.bytes);
      }
      (order < 0 ? low : high) = order < 0 ? middle + 1 : middle;
    }
    return std::nullopt;
  }

  [[nodiscard]] bool has_body(std::uint64_t fingerprint) const noexcept {
    std::size_t low = 0;
    std::size_t high = bodies_.size() / sizeof(std::uint64_t);
    while (low < high) {
      const std::size_t middle = low + (high - low) / 2;
      std::uint64_t there = 0;
      std::memcpy(&there, bodies_.data() + middle * sizeof(there), sizeof(there));
      if (there == fingerprint) {
        return true;
      }
      (there < fingerprint ? low : high) = there < fingerprint ? middle + 1 : middle;
    }
    return false;
  }

 private:
  [[nodiscard]] bool find_parts() noexcept {
    const ByteView payload(static_cast<const std::uint8_t*>(mapped_), size_ - sizeof(CacheTrailer));
    Footer footer;
    if (payload.size() < sizeof footer) {
      return false;
    }
    const std::uint64_t rest = payload.size() - sizeof footer;
    std::memcpy(&footer, payload.data() + rest, sizeof footer);
    if (footer.bodies > rest / sizeof(std::uint64_t)) {
      return false;
    }
    const std::uint64_t bodies_at = rest - footer.bodies * sizeof(std::uint64_t);
    if (footer.entries > bodies_at / sizeof(Entry)) {
      return false;
    }
    const std::uint64_t entries_at = bodies_at - footer.entries * sizeof(Entry);
    values_ = payload.first(entries_at);
    entries_ = payload.subspan(entries_at, bodies_at - entries_at);
    bodies_ = payload.subspan(bodies_at, rest - bodies_at);
    return true;
  }

  File file_;
  void* mapped_;
  std::size_t size_;
  mutable std::atomic<bool> is_used_{false};
  ByteView values_;
  ByteView entries_;
  ByteView bodies_;
};

FunctionPacks::FunctionPacks(const CacheDirectory& directory, std::string_view compatibility_key)
    : prefix_(prefix_of(compatibility_key)) {
  std::uint64_t total = 0;
  for (const Listed& each : list_packs(directory, prefix_)) {
    if (packs_.size() == kMaxPacks) {
      break;
    }
    if (each.bytes > kMaxBytes - total) {
      continue;
    }
    if (auto pack = Pack::open(directory, each.name)) {
      total += each.bytes;
      packs_.push_back(std::move(pack));
    }
  }
}

FunctionPacks::~FunctionPacks() = default;

void FunctionPacks::attach(const std::shared_ptr<FunctionPacks>& packs, wasm_config_t& config) {
  using Shared = std::shared_ptr<FunctionPacks>;
  const auto get = [](void* env,
                      const std::uint8_t* key,
                      std::size_t key_bytes,
                      const std::uint8_t** value,
                      std::size_t* value_bytes) noexcept {
    const auto found = (*static_cast<Shared*>(env))->find({key, key_bytes});
    if (found) {
      *value = found->data();
      *value_bytes = found->size();
    }
    return found.has_value();
  };
  const auto insert = [](void* env,
                         const std::uint8_t* key,
                         std::size_t key_bytes,
                         const std::uint8_t* value,
                         std::size_t value_bytes) noexcept {
    (*static_cast<Shared*>(env))->insert({key, key_bytes}, {value, value_bytes});
    return true;
  };
  const auto finalize = [](void* env) noexcept {
    const std::unique_ptr<Shared> owned(static_cast<Shared*>(env));
  };
  auto owner = std::make_unique<Shared>(packs);
  // Where the engine refuses, every function is compiled.
  (void)whorl_config_function_store_set(&config, owner.release(), get, insert, finalize);
}

double FunctionPacks::known_share(std::span<const CodeBody> bodies) const {
  std::uint64_t known = 0;
  std::uint64_t all = 0;
  for (const CodeBody& body : bodies) {
    all += body.bytes;
    if (std::ranges::any_of(packs_, [&](const auto& p) { return p->has_body(body.fingerprint); })) {
      known += body.bytes;
    }
  }
  return all == 0 ? 0.0 : static_cast<double>(known) / static_cast<double>(all);
}

std::optional<ByteView> FunctionPacks::find(ByteView key) const noexcept {
  if (key.size() != Key().size()) {
    return std::nullopt;
  }
  for (const auto& pack : packs_) {
    if (const auto found = pack->find(key)) {
      hits_.fetch_add(1, std::memory_order_relaxed);
      return found;
    }
  }
  return std::nullopt;
}

void FunctionPacks::insert(ByteView key, ByteView value) {
  Entry entry{};
  if (key.size() != entry.key.size()) {
    return;
  }
  std::ranges::copy(key, entry.key.begin());
  entry.bytes = value.size();
  const std::scoped_lock lock(mutex_);
  if (values_.size() + value.size() > kMaxBytes) {
    return;
  }
  entry.offset = values_.size();
  entries_.push_back(entry);
  values_.insert(values_.end(), value.begin(), value.end());
}

std::size_t FunctionPacks::inserted() const {
  const std::scoped_lock lock(mutex_);
  return entries_.size();
}

std::string FunctionPacks::name_of(const Sha256Digest& module) const {
  return prefix_ + to_hex(module) + std::string(kFunctionsSuffix);
}

Result<> FunctionPacks::store(
    const CacheDirectory& directory, const Sha256Digest& module, std::span<const CodeBody> bodies
) const {
  const std::scoped_lock lock(mutex_);
  if (entries_.empty()) {
    return {};
  }
  std::vector<Entry> entries = entries_;
  std::ranges::sort(entries, {}, &Entry::key);
  std::vector<std::uint64_t> fingerprints;
  fingerprints.reserve(bodies.size());
  for (const CodeBody& body : bodies) {
    fingerprints.push_back(body.fingerprint);
  }
  std::ranges::sort(fingerprints);
  const Footer footer{.entries = entries.size(), .bodies = fingerprints.size()};
  Bytes payload;
  payload.reserve(
      values_.size() + entries.size() * sizeof(Entry) +
      fingerprints.size() * sizeof(std::uint64_t) + sizeof footer
  );
  payload = values_;
  append<Entry>(payload, entries);
  append<std::uint64_t>(payload, fingerprints);
  append<Footer>(payload, std::span(&footer, 1));
  const std::string name = name_of(module);
  return directory.put(name, [&](int fd) { return write_entry(fd, key_of(name), payload); });
}

}  // namespace whorl::engine
