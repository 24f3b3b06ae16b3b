#include "trigger/http/static_site.hpp"

#include "http/conditional.hpp"
#include "http/media_type.hpp"
#include "trigger/http/file_body.hpp"
#include "wasi/files/directory.hpp"
#include "wire/http1/response.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <utility>
#include <variant>

namespace whorl::trigger {
namespace {

using wasi::files::Directory;
using wasi::files::File;
using wasi::files::Metadata;
using DirectoryPtr = std::shared_ptr<const Directory>;

constexpr std::uint64_t kSecond = 1'000'000'000;

/// A folder of the host, and a path below it.
struct Place {
  DirectoryPtr folder;
  std::string path;  ///< "" is the folder itself
};

std::string joined(std::string_view front, std::string_view back) {
  if (front.empty() || back.empty()) {
    return std::string(front.empty() ? back : front);
  }
  return fmt::format("{}/{}", front, back);
}

/// The mount with the longest path that covers the site's folder.
std::optional<Place> place_of(std::span<const wasi::Preopen> mounts, std::string_view folder) {
  const wasi::Preopen* best = nullptr;
  std::string_view rest;
  for (const wasi::Preopen& mount : mounts) {
    const std::string_view path =
        mount.guest_path == "/" ? std::string_view() : std::string_view(mount.guest_path);
    const bool covers =
        folder.starts_with(path) && (folder.size() == path.size() || folder[path.size()] == '/');
    if (covers && (best == nullptr || mount.guest_path.size() > best->guest_path.size())) {
      best = &mount;
      rest = folder.substr(path.size());
    }
  }
  if (best == nullptr) {
    return std::nullopt;
  }
  while (rest.starts_with('/')) {
    rest.remove_prefix(1);
  }
  return Place{best->directory, std::string(rest)};
}

/// Forms of one file have tags of their own, also where all files have the same time, as in images
/// that are built reproducibly (RFC 9110 §8.8.3.3).
std::string etag_of(const Metadata& file, std::string_view coding) {
  return fmt::format(
      "\"{:x}-{:x}{}{}\"",
      file.modified.nanoseconds_since_1970(),
      file.size,
      coding.empty() ? "" : "-",
      coding
  );
}

/// From 1970 to 2554: what is before or behind is the first or the last of them.
std::int64_t seconds_of(const Metadata& file) noexcept {
  return static_cast<std::int64_t>(file.modified.nanoseconds_since_1970() / kSecond);
}

std::string date_of(const Metadata& file) {
  const auto text = wire::http1::format_date(seconds_of(file));
  return {text.data(), text.size()};
}

void respond(http::Exchange& exchange, std::uint16_t status, http::Fields fields) {
  exchange.respond({.status = status, .fields = std::move(fields), .body = nullptr});
}

std::string_view path_of(const http::Request& request) {
  const std::string_view target = request.path_and_query;
  return target.substr(0, target.find('?'));
}

/// To the same path with a slash at its end. Relative, so that no path can name another host.
void redirect_to_folder(http::Exchange& exchange) {
  const std::string_view path = path_of(exchange.request());
  const std::string_view query =
      std::string_view(exchange.request().path_and_query).substr(path.size());
  http::Fields fields;
  fields.append("location", fmt::format("./{}/{}", path.substr(path.rfind('/') + 1), query));
  respond(exchange, 301, std::move(fields));
}

std::optional<File> open_file(const Directory& folder, const std::string& path) {
  auto opened = folder.open(path, {.read = true, .links = wasi::files::Links::Follow});
  if (!opened || !std::holds_alternative<File>(*opened)) {
    return std::nullopt;
  }
  return std::get<File>(std::move(*opened));
}

}  // namespace

/// What is to be sent, or that the client is to ask for a folder.
struct StaticSite::Found {
  DirectoryPtr folder;
  std::string path;
  std::optional<File> file;  ///< none: a folder that was asked for as a file
};

std::optional<std::string> decode_file_path(std::string_view path) {
  constexpr std::size_t kLongest = 4096;
  if (path.starts_with('/')) {
    path.remove_prefix(1);
  }
  if (path.ends_with('/')) {
    path.remove_suffix(1);
  }
  std::string out;
  for (std::size_t i = 0; i < path.size(); ++i) {
    char c = path[i];
    if (c == '%') {
      unsigned value = 0;
      const char* begin = path.data() + i + 1;
      if (i + 2 >= path.size() || std::from_chars(begin, begin + 2, value, 16).ptr != begin + 2) {
        return std::nullopt;
      }
      c = static_cast<char>(value);
      i += 2;
      if (c == '/') {
        return std::nullopt;
      }
    }
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      return std::nullopt;
    }
    out += c;
  }
  if (out.size() > kLongest) {
    return std::nullopt;
  }
  std::string_view rest = out;
  while (!out.empty()) {
    const std::size_t end = std::min(rest.find('/'), rest.size());
    const std::string_view segment = rest.substr(0, end);
    if (segment.empty() || (segment.front() == '.' && segment != ".well-known")) {
      return std::nullopt;
    }
    if (end == rest.size()) {
      break;
    }
    rest.remove_prefix(end + 1);
  }
  return out;
}

std::optional<StaticSite::Found> StaticSite::find(
    std::span<const wasi::Preopen> mounts, std::string_view path, bool is_folder
) const {
  const auto decoded = decode_file_path(path);
  auto place =
      decoded ? place_of(
                    mounts,
                    settings_.path == "/" ? std::string_view() : std::string_view(settings_.path)
                )
              : std::nullopt;
  if (!place) {
    return std::nullopt;
  }
  std::string full = joined(place->path, *decoded);
  if (!is_folder) {
    auto opened = place->folder->open(
        full.empty() ? "." : full, {.read = true, .links = wasi::files::Links::Follow}
    );
    if (!opened) {
      return std::nullopt;
    }
    if (auto* file = std::get_if<File>(&*opened)) {
      return Found{std::move(place->folder), std::move(full), std::move(*file)};
    }
  }
  if (settings_.index.empty()) {
    return std::nullopt;
  }
  std::string index = joined(full, settings_.index);
  auto file = open_file(*place->folder, index);
  if (!file) {
    return std::nullopt;
  }
  if (!is_folder) {
    file.reset();
  }
  return Found{std::move(place->folder), std::move(index), std::move(file)};
}

bool StaticSite::try_answer(
    async::Shard& shard,
    std::span<const wasi::Preopen> mounts,
    std::string_view path_info,
    http::Exchange& exchange
) const {
  const http::Request& request = exchange.request();
  if (request.method != "GET" && request.method != "HEAD") {
    if (settings_.missing == app::StaticFiles::Missing::Component) {
      return false;
    }
    http::Fields fields;
    fields.append("allow", "GET, HEAD");
    respond(exchange, 405, std::move(fields));
    return true;
  }
  auto found = find(mounts, path_info, path_of(request).ends_with('/'));
  if (!found) {
    return answer_missing(shard, mounts, exchange);
  }
  if (!found->file) {
    redirect_to_folder(exchange);
  } else {
    answer(shard, *std::move(found), exchange);
  }
  return true;
}

bool StaticSite::answer_missing(
    async::Shard& shard, std::span<const wasi::Preopen> mounts, http::Exchange& exchange
) const {
  if (settings_.missing == app::StaticFiles::Missing::Component) {
    return false;
  }
  if (settings_.missing == app::StaticFiles::Missing::File) {
    auto found = find(mounts, settings_.missing_file, false);
    if (found && found->file) {
      answer(shard, *std::move(found), exchange);
      return true;
    }
  }
  respond(exchange, 404, {});
  return true;
}

/// Takes a compressed form in place of the file, where there is one and the client wants it.
void StaticSite::choose_form(
    Found& found, Metadata& metadata, const http::Fields& request, http::Fields& fields
) {
  using Coding = std::pair<std::string_view, std::string_view>;
  for (const auto& [coding, end] : {Coding{"br", ".br"}, Coding{"gzip", ".gz"}}) {
    if (!http::accepts_coding(request, coding)) {
      continue;
    }
    auto packed = open_file(*found.folder, found.path + std::string(end));
    const auto its = packed ? packed->metadata() : wasi::files::os_error(ENOENT);
    // One that is older was not made from this file.
    if (its &&
        its->modified.nanoseconds_since_1970() >= metadata.modified.nanoseconds_since_1970()) {
      fields.append("content-encoding", std::string(coding));
      found.file = std::move(packed);
      metadata = *its;
      return;
    }
  }
}

void StaticSite::answer(async::Shard& shard, Found found, http::Exchange& exchange) const {
  const http::Fields& request = exchange.request().fields;
  const http::MediaType type = http::media_type_of(found.path);
  auto metadata = found.file->metadata();
  if (!metadata) {
    exchange.abort(500);
    return;
  }
  http::Fields fields;
  if (type.is_compressible) {
    fields.append("vary", "accept-encoding");
    // A part of a compressed form is of no use to who wants to go on with the plain one.
    if (!request.contains("range")) {
      choose_form(found, *metadata, request, fields);
    }
  }
  const http::Validators validators{
      .etag = etag_of(*metadata, fields.find("content-encoding").value_or("")),
      .modified = seconds_of(*metadata)
  };
  fields.append("etag", validators.etag);
  fields.append("last-modified", date_of(*metadata));
  if (!settings_.cache_control.empty()) {
    fields.append("cache-control", settings_.cache_control);
  }
  switch (http::evaluate(request, validators)) {
    case http::Condition::NotModified:
      respond(exchange, 304, std::move(fields));
      return;
    case http::Condition::PreconditionFailed:
      respond(exchange, 412, {});
      return;
    case http::Condition::Proceed:
      break;
  }
  fields.append("content-type", std::string(type.name));
  fields.append("accept-ranges", "bytes");
  send(
      shard,
      *std::move(found.file),
      metadata->size,
      http::choose_range(request, validators, metadata->size),
      std::move(fields),
      exchange
  );
}

void StaticSite::send(
    async::Shard& shard,
    File file,
    std::uint64_t size,
    const http::RangeChoice& choice,
    http::Fields fields,
    http::Exchange& exchange
) {
  using Kind = http::RangeChoice::Kind;
  if (choice.kind == Kind::Unsatisfiable) {
    http::Fields whole;
    whole.append("content-range", fmt::format("bytes */{}", size));
    respond(exchange, 416, std::move(whole));
    return;
  }
  std::uint64_t first = 0;
  std::uint64_t length = size;
  if (choice.kind == Kind::Part) {
    first = choice.range.first;
    length = choice.range.last - first + 1;
    fields.append("content-range", fmt::format("bytes {}-{}/{}", first, choice.range.last, size));
  }
  fields.append("content-length", std::to_string(length));
  const bool has_content = exchange.request().method != "HEAD" && length != 0;
  exchange.respond({
      .status = static_cast<std::uint16_t>(choice.kind == Kind::Part ? 206 : 200),
      .fields = std::move(fields),
      .body = has_content ? FileBody::start(shard, std::move(file), first, length)
                          : http::BodyPipe::empty(),
  });
}

}  // namespace whorl::trigger
