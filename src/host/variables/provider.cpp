#include "host/variables/provider.hpp"

#include "fs/file.hpp"

#include <cstdlib>

namespace whorl::host::variables {
namespace {

Result<DotenvEntries> read_dotenv(const std::string& path) {
  if (path.empty() || fs::kind_of(path) == fs::Kind::Missing) {
    return DotenvEntries();
  }
  WHORL_TRY(const Bytes bytes, fs::read_file(path, kMaxDotenvBytes));
  return parse_dotenv(as_text(bytes));
}

}  // namespace

Result<std::optional<std::string>> StaticProvider::find(std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? std::optional<std::string>() : std::optional(found->second);
}

EnvironmentProvider::EnvironmentProvider(std::string prefix, const std::string& dotenv_path)
    : prefix_(std::move(prefix)), file_(read_dotenv(dotenv_path)) {}

Result<std::optional<std::string>> EnvironmentProvider::find(std::string_view name) const {
  std::string key = prefix_ + "_";
  for (const char c : name) {
    key += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  if (const char* value = std::getenv(key.c_str()); value != nullptr) {
    return std::optional<std::string>(value);
  }
  if (!file_) {
    return file_.error().clone();
  }
  const auto found = file_->find(key);
  return found == file_->end() ? std::optional<std::string>() : std::optional(found->second);
}

}  // namespace whorl::host::variables
