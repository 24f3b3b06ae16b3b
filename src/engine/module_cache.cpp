#include "engine/cache_entry.hpp"
#include "engine/engine_impl.hpp"
#include "engine/module.hpp"
#include "engine/module_impl.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>

namespace whorl::engine {
namespace {

constexpr std::string_view kSuffix = ".code";
constexpr std::string_view kFactSuffix = ".fact";
constexpr std::string_view kTemporary = ".tmp-";
constexpr std::time_t kTemporaryLifeSeconds = 3600;

class File {
 public:
  explicit File(int fd) noexcept : fd_(fd) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (fd_ >= 0) {
      ::close(fd_);
    }
  }
  [[nodiscard]] bool is_open() const noexcept { return fd_ >= 0; }
  [[nodiscard]] int fd() const noexcept { return fd_; }

 private:
  int fd_;
};

std::string errno_text() {
  return std::strerror(errno);
}

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

std::filesystem::path home_directory() {
  if (const std::string_view home = variable("HOME"); !home.empty()) {
    return home;
  }
  passwd entry = {};
  passwd* found = nullptr;
  std::array<char, 4096> buffer;
  if (::getpwuid_r(::geteuid(), &entry, buffer.data(), buffer.size(), &found) == 0 &&
      found != nullptr && found->pw_dir != nullptr) {
    return found->pw_dir;
  }
  return {};
}

/// Creates the folder and its missing parents, each for the user alone.
Result<> create_private(const std::filesystem::path& directory) {
  std::filesystem::path so_far;
  for (const auto& part : directory) {
    so_far /= part;
    if (::mkdir(so_far.c_str(), 0700) != 0 && errno != EEXIST && errno != EISDIR) {
      const int reason = errno;
      if (struct stat status = {}; ::stat(so_far.c_str(), &status) == 0) {
        continue;  // exists where we may not create: a read-only parent
      }
      return fail(
          reason == EACCES || reason == EPERM ? ErrorKind::PermissionDenied
                                              : ErrorKind::Unavailable,
          "cannot create {}: {}",
          so_far.string(),
          std::strerror(reason)
      );
    }
  }
  return {};
}

Sha256Digest entry_key(const Engine& engine, ByteView wasm) {
  // Lengths are fixed or told first, so that no two inputs run together.
  const Sha256Digest content = sha256(wasm);
  return Sha256().update(content).update(as_bytes(engine.compatibility_key())).finish();
}

std::string name_of(const Sha256Digest& key) {
  return to_hex(key) + std::string(kSuffix);
}

/// Lets the engine map the verified file. @return null and the reason in `why`
capi::Module deserialize(const Engine& engine, int fd, std::string& why) {
  wasmtime_module_t* module = nullptr;
  // By descriptor: what is mapped is the file that was verified, whatever happens to its name.
  const std::string path = fmt::format("/proc/self/fd/{}", fd);
  const capi::Error error(
      wasmtime_module_deserialize_file(engine.impl().engine.get(), path.c_str(), &module)
  );
  if (error != nullptr) {
    why = capi::root_cause(capi::message_of(*error));
    return nullptr;
  }
  return capi::Module(module);
}

}  // namespace

namespace {

/// A fact is its own proof: the whole file, letter by letter.
std::string fact_text(std::string_view kind, const Sha256Digest& about) {
  return fmt::format("whorl fact 1: {} {}\n", kind, to_hex(about));
}
std::string fact_name(std::string_view kind, const Sha256Digest& about) {
  return fmt::format("{}.{}{}", to_hex(about), kind, kFactSuffix);
}

}  // namespace

struct ModuleCache::Directory {
  explicit Directory(int fd) noexcept : file(fd) {}
  File file;

  [[nodiscard]] Result<> store(const Sha256Digest& key, const wasmtime_module_t& module) const;
  /// Writes a file under a temporary name, makes sure it is on the disk, and gives it its name.
  template <class Write>
  [[nodiscard]] Result<> put(const std::string& name, Write write) const;
  void prune() const;
};

std::filesystem::path ModuleCache::default_directory() {
  if (const std::string_view own = variable("WHORL_CACHE_DIR"); !own.empty()) {
    return std::filesystem::path(own) / "code";
  }
  if (const std::string_view xdg = variable("XDG_CACHE_HOME"); xdg.starts_with('/')) {
    return std::filesystem::path(xdg) / "whorl" / "code";
  }
  const std::filesystem::path home = home_directory();
  if (home.is_absolute()) {
    return home / ".cache" / "whorl" / "code";
  }
  return std::filesystem::path("/tmp") / fmt::format("whorl-{}", ::geteuid()) / "code";
}

Result<ModuleCache> ModuleCache::open(std::filesystem::path directory) {
  WHORL_CHECKED(create_private(directory).context("opening the code cache"));
  const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) {
    return fail(
        errno == EACCES ? ErrorKind::PermissionDenied : ErrorKind::Unavailable,
        "opening the code cache {}: {}",
        directory.string(),
        errno_text()
    );
  }
  auto opened = std::make_shared<const Directory>(fd);
  struct stat status = {};
  if (::fstat(fd, &status) != 0) {
    return fail(
        ErrorKind::Unavailable, "opening the code cache {}: {}", directory.string(), errno_text()
    );
  }
  if (status.st_uid != ::geteuid()) {
    return fail(
               ErrorKind::PermissionDenied,
               "the code cache {} belongs to another user",
               directory.string()
    )
        .with_help("set WHORL_CACHE_DIR to a folder of your own");
  }
  if ((status.st_mode & 022U) != 0) {
    return fail(
               ErrorKind::PermissionDenied,
               "others can write to the code cache {}",
               directory.string()
    )
        .with_help(fmt::format("chmod 700 {}", directory.string()));
  }
  return ModuleCache(std::move(opened));
}

std::string ModuleCache::entry_name(const Engine& engine, ByteView wasm) {
  return name_of(entry_key(engine, wasm));
}

Result<ModuleCache::Loaded> ModuleCache::load_or_compile(const Engine& engine, ByteView wasm)
    const {
  const Sha256Digest key = entry_key(engine, wasm);
  const std::string name = name_of(key);
  std::string note;
  const File entry(::openat(directory_->file.fd(), name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
  );
  if (entry.is_open()) {
    std::string why;
    if (auto sound = verify_entry(entry.fd(), key); !sound) {
      why = sound.error().message();
    } else if (capi::Module module = deserialize(engine, entry.fd(), why); module != nullptr) {
      ::futimens(entry.fd(), nullptr);  // when it was last used
      return Loaded{
          Module(std::make_shared<const Module::Impl>(Module::Impl{std::move(module)})),
          Origin::Cache,
          {}
      };
    }
    note = fmt::format("the code cache entry {} is not used: {}", name, why);
  } else if (errno != ENOENT) {
    note = fmt::format("the code cache entry {} cannot be opened: {}", name, errno_text());
  }
  WHORL_TRY(auto module, Module::compile(engine, wasm));
  if (auto stored = directory_->store(key, *module.impl().module); !stored) {
    note += fmt::format(
        "{}the code cache entry {} is not stored: {}",
        note.empty() ? "" : "; ",
        name,
        stored.error().to_line()
    );
  }
  return Loaded{std::move(module), Origin::Compiled, std::move(note)};
}

Result<> ModuleCache::Directory::store(const Sha256Digest& key, const wasmtime_module_t& module)
    const {
  capi::ByteVec artefact;
  const capi::Error error(wasmtime_module_serialize(&module, &artefact.vec));
  if (error != nullptr) {
    return fail(ErrorKind::Internal, "{}", capi::root_cause(capi::message_of(*error)));
  }
  WHORL_CHECKED(put(name_of(key), [&](int fd) {
    return write_entry(
        fd, key, {reinterpret_cast<const std::uint8_t*>(artefact.vec.data), artefact.vec.size}
    );
  }));
  prune();
  return {};
}

template <class Write>
Result<> ModuleCache::Directory::put(const std::string& name, Write write) const {
  static constinit std::atomic<unsigned> counter{0};
  timespec now = {};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const std::string temporary =
      fmt::format("{}{}-{}-{}", kTemporary, ::getpid(), counter.fetch_add(1), now.tv_nsec);
  const File out(
      ::openat(file.fd(), temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)
  );
  if (!out.is_open()) {
    return fail(ErrorKind::Unavailable, "creating a file: {}", errno_text());
  }
  Result<> written = write(out.fd());
  if (written && (::fsync(out.fd()) != 0 ||
                  ::renameat(file.fd(), temporary.c_str(), file.fd(), name.c_str()) != 0 ||
                  ::fsync(file.fd()) != 0)) {
    written = fail(ErrorKind::Unavailable, "syncing: {}", errno_text());
  }
  if (!written) {
    ::unlinkat(file.fd(), temporary.c_str(), 0);
  }
  return written;
}

void ModuleCache::Directory::prune() const {
  struct Entry {
    std::string name;
    std::uint64_t bytes;
    std::time_t used;
  };
  DIR* listing = ::fdopendir(::openat(file.fd(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (listing == nullptr) {
    return;
  }
  const std::unique_ptr<DIR, capi::Deleter<::closedir>> owned(listing);
  std::vector<Entry> entries;
  std::uint64_t total = 0;
  while (const dirent* item = ::readdir(listing)) {
    const std::string name = item->d_name;
    struct stat status = {};
    if (::fstatat(file.fd(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
      continue;
    }
    if (name.starts_with(kTemporary)) {
      // Left behind by a process that was killed while it wrote.
      if (status.st_mtime + kTemporaryLifeSeconds < std::time(nullptr)) {
        ::unlinkat(file.fd(), name.c_str(), 0);
      }
    } else if (name.ends_with(kSuffix) || name.ends_with(kFactSuffix)) {
      total += static_cast<std::uint64_t>(status.st_size);
      entries.push_back({name, static_cast<std::uint64_t>(status.st_size), status.st_mtime});
    }
  }
  if (total <= kMaxBytes) {
    return;
  }
  std::ranges::sort(entries, {}, &Entry::used);
  for (const Entry& entry : entries) {
    if (total <= kMaxBytes / 4 * 3) {
      break;
    }
    if (::unlinkat(file.fd(), entry.name.c_str(), 0) == 0) {
      total -= entry.bytes;
    }
  }
}

bool ModuleCache::has_fact(std::string_view kind, const Sha256Digest& about) const {
  const std::string name = fact_name(kind, about);
  const File entry(::openat(directory_->file.fd(), name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
  );
  if (!entry.is_open()) {
    return false;
  }
  std::array<char, 256> text = {};
  const ssize_t got = ::pread(entry.fd(), text.data(), text.size(), 0);
  if (got < 0 ||
      std::string_view(text.data(), static_cast<std::size_t>(got)) != fact_text(kind, about)) {
    return false;
  }
  ::futimens(entry.fd(), nullptr);  // when it was last used
  return true;
}

Result<> ModuleCache::add_fact(std::string_view kind, const Sha256Digest& about) const {
  return directory_->put(fact_name(kind, about), [&](int fd) -> Result<> {
    const std::string text = fact_text(kind, about);
    if (::write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
      return fail(ErrorKind::Unavailable, "writing: {}", errno_text());
    }
    return {};
  });
}

}  // namespace whorl::engine
