#include "loader/sources.hpp"

#include "base/hash.hpp"
#include "fs/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

namespace whorl::loader {
namespace {

constexpr std::string_view kPrefix = "sha256:";
constexpr std::size_t kDigits = 64;

/// A file under a name of its own until keep(); it goes away otherwise.
class DraftFile final : public ByteSink {
 public:
  DraftFile(const std::string& final_path, std::uint64_t limit)
      : path_(final_path + ".XXXXXX"), limit_(limit) {
    fd_ = fs::Fd(::mkostemp(path_.data(), O_CLOEXEC));
  }
  DraftFile(const DraftFile&) = delete;
  DraftFile& operator=(const DraftFile&) = delete;
  ~DraftFile() override {
    if (fd_.is_open() && !is_kept_) {
      ::unlink(path_.c_str());
    }
  }

  [[nodiscard]] bool is_open() const noexcept { return fd_.is_open(); }
  [[nodiscard]] Error last_error() const {
    return fs::errno_error(errno).context(fmt::format("failed to write {}", fs::quote_path(path_)));
  }

  Result<void> expect(std::uint64_t bytes) override {
    if (bytes > limit_) {
      return too_long();
    }
    return {};
  }

  Result<void> write(ByteView part) override {
    if (part.size() > limit_ - written_) {
      return too_long();
    }
    written_ += part.size();
    hash_.update(part);
    while (!part.empty()) {
      const ssize_t count = ::write(fd_.get(), part.data(), part.size());
      if (count < 0 && errno != EINTR) {
        return last_error();
      }
      part = part.subspan(count > 0 ? static_cast<std::size_t>(count) : 0);
    }
    return {};
  }

  [[nodiscard]] std::string digest() { return std::string(kPrefix) + to_hex(hash_.finish()); }

  Result<void> keep(const std::string& final_path) {
    constexpr mode_t kMode = 0644;
    if (::fchmod(fd_.get(), kMode) != 0 || ::fsync(fd_.get()) != 0 ||
        std::rename(path_.c_str(), final_path.c_str()) != 0) {
      return last_error();
    }
    is_kept_ = true;
    return {};
  }

 private:
  [[nodiscard]] Error too_long() const {
    return fail(ErrorKind::ResourceLimit, "the file is longer than {} bytes", limit_);
  }

  std::string path_;
  std::uint64_t limit_;
  fs::Fd fd_;
  Sha256 hash_;
  std::uint64_t written_ = 0;
  bool is_kept_ = false;
};

}  // namespace

Result<void> HttpFetcher::fetch(const std::string& url, ByteSink& sink) {
  return http::download(url, sink, options_);
}

bool is_digest(std::string_view text) noexcept {
  return text.starts_with(kPrefix) && text.size() == kPrefix.size() + kDigits &&
         std::ranges::all_of(text.substr(kPrefix.size()), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

Result<std::string> DigestCache::get(
    const std::string& url, std::string_view digest, std::uint64_t limit, SourceFetcher* fetcher
) const {
  if (!is_digest(digest)) {
    return fail(ErrorKind::InvalidInput, "\"{}\" is no digest", digest);
  }
  const std::string folder = fs::join(folder_, "wasm");
  const std::string path = fs::join(folder, digest);
  if (fs::kind_of(path) == fs::Kind::File) {
    return path;
  }
  if (fetcher == nullptr) {
    return fail(ErrorKind::Unsupported, "this command does not download components")
        .context(fmt::format("Error fetching source URL \"{}\"", url));
  }
  WHORL_CHECKED(fs::create_directories(folder));
  DraftFile draft(path, limit);
  if (!draft.is_open()) {
    return draft.last_error();
  }
  WHORL_CHECKED(fetcher->fetch(url, draft).context("Error fetching source URL \"{}\"", url));
  if (const std::string actual = draft.digest(); actual != digest) {
    return fail(
               ErrorKind::Corrupt,
               "invalid content digest; expected {}, downloaded {}",
               digest,
               actual
    )
        .with_help(
            "the file is not the one the manifest was written for: find out why before you "
            "change the digest"
        )
        .context(fmt::format("Error fetching source URL \"{}\"", url));
  }
  WHORL_CHECKED(draft.keep(path));
  return path;
}

}  // namespace whorl::loader
