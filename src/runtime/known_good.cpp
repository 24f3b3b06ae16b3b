#include "runtime/known_good.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <ctime>
#include <string>

namespace whorl::runtime {
namespace {

constexpr std::string_view kFactKind = "prepares";
/// Time stamps of files are as coarse as the kernel's clock tick, or, on some file systems, two
/// seconds.
constexpr std::int64_t kSettledSeconds = 3;

/// A file as the file system tells it from another one, and from itself before a change.
std::string describe(const struct stat& info) {
  return fmt::format(
      "{}:{}:{}:{}.{}:{}.{}\n",
      info.st_dev,
      info.st_ino,
      info.st_size,
      info.st_mtim.tv_sec,
      info.st_mtim.tv_nsec,
      info.st_ctim.tv_sec,
      info.st_ctim.tv_nsec
  );
}

}  // namespace

std::optional<Sha256Digest> preparation_identity(
    const app::Component& component, EntryKind entry, const component::LoadOptions& load
) {
  if (component.source_path.empty() || component.source.inline_bytes ||
      !component.dependencies.empty() || !component.trigger_dependencies.empty()) {
    return std::nullopt;
  }
  struct stat wasm{};
  struct stat program{};
  if (::stat(component.source_path.c_str(), &wasm) != 0 ||
      ::stat("/proc/self/exe", &program) != 0 || !S_ISREG(wasm.st_mode) ||
      wasm.st_ctim.tv_sec + kSettledSeconds > ::time(nullptr)) {
    return std::nullopt;
  }
  const std::string about = describe(program) + describe(wasm) +
                            fmt::format(
                                "{} {} {}\n",
                                static_cast<int>(entry),
                                static_cast<int>(load.shims),
                                static_cast<int>(load.adapters)
                            );
  return sha256(as_bytes(about));
}

bool is_known_good(const engine::ModuleCache& cache, const Sha256Digest& identity) {
  return cache.has_fact(kFactKind, identity);
}

void remember_good(const engine::ModuleCache& cache, const Sha256Digest& identity) {
  static_cast<void>(cache.add_fact(kFactKind, identity));
}

}  // namespace whorl::runtime
