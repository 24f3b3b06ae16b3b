/// StaticSite: answers requests with files of a component's mounts, without an instance.
///
/// Paths are resolved below the mounted folder by the same class as those of guests, so nothing
/// leads out of it. Names that begin with a dot are never served, but `.well-known`.
/// @spec RFC 9110 (conditions, ranges, encodings). @thread shard
#pragma once

#include "app/static_files.hpp"
#include "async/shard.hpp"
#include "http/conditional.hpp"
#include "http/exchange.hpp"
#include "wasi/context.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace whorl::trigger {

class StaticSite {
 public:
  explicit StaticSite(app::StaticFiles settings) : settings_(std::move(settings)) {}

  /// Answers, if that is for a file to do.
  /// @param mounts     of the component
  /// @param path_info  what is left of the path behind the route, as received
  /// @return           false when the component is to answer; then nothing was touched
  [[nodiscard]] bool try_answer(
      async::Shard& shard,
      std::span<const wasi::Preopen> mounts,
      std::string_view path_info,
      http::Exchange& exchange
  ) const;

 private:
  struct Found;

  [[nodiscard]] std::optional<Found> find(
      std::span<const wasi::Preopen> mounts, std::string_view path, bool is_folder
  ) const;
  [[nodiscard]] bool answer_missing(
      async::Shard& shard, std::span<const wasi::Preopen> mounts, http::Exchange& exchange
  ) const;
  void answer(async::Shard& shard, Found found, http::Exchange& exchange) const;
  static void choose_form(
      Found& found,
      wasi::files::Metadata& metadata,
      const http::Fields& request,
      http::Fields& fields
  );
  static void send(
      async::Shard& shard,
      wasi::files::File file,
      std::uint64_t size,
      const http::RangeChoice& choice,
      http::Fields fields,
      http::Exchange& exchange
  );

  app::StaticFiles settings_;
};

/// A path of a URL as a path below a folder: without its slashes at both ends, decoded. Nothing for
/// one that must not be looked up: bad escapes, an escaped slash, control characters, empty and
/// hidden segments.
[[nodiscard]] std::optional<std::string> decode_file_path(std::string_view path);

}  // namespace whorl::trigger
