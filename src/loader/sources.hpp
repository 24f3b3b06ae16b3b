/// Where wasm files come from that are not beside the manifest: downloads and registries, kept by
/// digest.
///
/// How bytes travel is not decided here: the program gives the loader a SourceFetcher. What arrives
/// is believed only when its digest is the one that was asked for; until then it lies under a name
/// that nobody reads.
/// @thread blocking
#pragma once

#include "base/result.hpp"
#include "http/download.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace whorl::loader {

using ByteSink = http::DownloadSink;

/// Downloads from http and https URLs.
class SourceFetcher {
 public:
  virtual ~SourceFetcher() = default;
  /// Downloads one file. Redirects are followed, a few, but not from a public address to one that
  /// is not globally routable: a URL of somebody else's must not reach into the operator's network.
  /// @return errors: the sink's own; InvalidInput (no such URL), PermissionDenied (such a
  ///         redirect), NotFound and other answers than 200, Unavailable, DeadlineExceeded
  [[nodiscard]] virtual Result<void> fetch(const std::string& url, ByteSink& sink) = 0;
};

/// Over the network (http/download.hpp).
class HttpFetcher final : public SourceFetcher {
 public:
  explicit HttpFetcher(http::DownloadOptions options = {}) : options_(std::move(options)) {}
  [[nodiscard]] Result<void> fetch(const std::string& url, ByteSink& sink) override;

 private:
  http::DownloadOptions options_;
};

/// A wasm package of a registry, as it is asked for.
struct PackageRequest {
  std::string registry;  ///< empty: the default one
  std::string package;   ///< "namespace:name"
  std::string version;   ///< a version or a requirement
};

/// Finds packages in registries.
class PackageFetcher {
 public:
  virtual ~PackageFetcher() = default;
  /// @return the path of the package's wasm file on this machine, verified
  [[nodiscard]] virtual Result<std::string> fetch(const PackageRequest& request) = 0;
};

/// "sha256:" and 64 hexadecimal digits in lower case.
[[nodiscard]] bool is_digest(std::string_view text) noexcept;

/// Wasm files on disk, named by their digest; shared by all applications of a user.
class DigestCache {
 public:
  /// @param folder  where a folder `wasm` is or will be made
  explicit DigestCache(std::string folder) : folder_(std::move(folder)) {}

  /// The file of a digest, downloaded first if it is not there.
  /// @param limit  bytes; a longer file is not kept
  /// @return its path; errors: the fetcher's, Corrupt (another digest), ResourceLimit, those of
  ///         the file system. Nothing is left behind.
  [[nodiscard]] Result<std::string> get(
      const std::string& url, std::string_view digest, std::uint64_t limit, SourceFetcher* fetcher
  ) const;

 private:
  std::string folder_;
};

}  // namespace whorl::loader
