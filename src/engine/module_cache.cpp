#include "engine/cache_directory.hpp"
#include "engine/cache_entry.hpp"
#include "engine/compile.hpp"
#include "engine/engine_impl.hpp"
#include "engine/module.hpp"
#include "engine/module_impl.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace whorl::engine {
namespace {

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
  return to_hex(key) + std::string(kCodeSuffix);
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

struct ModuleCache::Directory : CacheDirectory {
  using CacheDirectory::CacheDirectory;
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

namespace {

Module wrap(capi::Module module) {
  return Module(std::make_shared<const Module::Impl>(Module::Impl{std::move(module)}));
}

/// Loads what was made elsewhere: from the file that was just written, whose pages are shared and
/// reclaimable, or else from memory.
Result<Module> load_made(
    const Engine& engine,
    const CacheDirectory& directory,
    const std::string& name,
    const MadeCode& made
) {
  if (made.quality == CodeQuality::Optimised) {
    const File entry = directory.open(name);
    std::string why;
    if (capi::Module module = entry.is_open() ? deserialize(engine, entry.fd(), why) : nullptr;
        module != nullptr) {
      return wrap(std::move(module));
    }
  }
  return load_code(engine, made.artefact.view());
}

}  // namespace

std::string ModuleCache::entry_name(const Engine& engine, ByteView wasm) {
  return name_of(entry_key(engine, wasm));
}

Result<ModuleCache::Loaded> ModuleCache::load_or_compile(const Engine& engine, ByteView wasm)
    const {
  const Sha256Digest key = entry_key(engine, wasm);
  const std::string name = name_of(key);
  std::string note;
  const File entry = directory_->open(name);
  if (entry.is_open()) {
    std::string why;
    if (auto sound = verify_entry(entry.fd(), key); !sound) {
      why = sound.error().message();
    } else if (capi::Module module = deserialize(engine, entry.fd(), why); module != nullptr) {
      ::futimens(entry.fd(), nullptr);  // when it was last used
      return Loaded{wrap(std::move(module)), Origin::Cache, {}};
    }
    note = fmt::format("the code cache entry {} is not used: {}", name, why);
  } else if (errno != ENOENT) {
    note = fmt::format("the code cache entry {} cannot be opened: {}", name, errno_text());
  }
  WHORL_TRY(auto made, make_code(engine, wasm, directory_.get()));
  const auto add_note = [&note](const std::string& what) {
    note += fmt::format("{}{}", note.empty() ? "" : "; ", what);
  };
  if (!made.note.empty()) {
    add_note(made.note);
  }
  if (made.quality == CodeQuality::Optimised) {
    const auto stored =
        directory_->put(name, [&](int fd) { return write_entry(fd, key, made.artefact.view()); });
    if (stored) {
      directory_->prune();
    } else {
      add_note(
          fmt::format("the code cache entry {} is not stored: {}", name, stored.error().to_line())
      );
    }
  }
  if (made.module != nullptr) {
    return Loaded{wrap(std::move(made.module)), Origin::Compiled, std::move(note)};
  }
  WHORL_TRY(auto module, load_made(engine, *directory_, name, made));
  return Loaded{std::move(module), Origin::Compiled, std::move(note)};
}

bool ModuleCache::has_fact(std::string_view kind, const Sha256Digest& about) const {
  const std::string name = fact_name(kind, about);
  const File entry = directory_->open(name);
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
