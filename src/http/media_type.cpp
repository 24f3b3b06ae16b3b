#include "http/media_type.hpp"

#include "http/fields.hpp"

#include <algorithm>
#include <array>

namespace whorl::http {
namespace {

struct Entry {
  std::string_view extension;
  MediaType type;
};

constexpr std::array kEntries{
    Entry{"html", {"text/html; charset=utf-8", true}},
    Entry{"htm", {"text/html; charset=utf-8", true}},
    Entry{"css", {"text/css; charset=utf-8", true}},
    Entry{"js", {"text/javascript; charset=utf-8", true}},
    Entry{"mjs", {"text/javascript; charset=utf-8", true}},
    Entry{"json", {"application/json", true}},
    Entry{"map", {"application/json", true}},
    Entry{"webmanifest", {"application/manifest+json", true}},
    Entry{"txt", {"text/plain; charset=utf-8", true}},
    Entry{"md", {"text/markdown; charset=utf-8", true}},
    Entry{"csv", {"text/csv; charset=utf-8", true}},
    Entry{"xml", {"application/xml", true}},
    Entry{"svg", {"image/svg+xml", true}},
    Entry{"wasm", {"application/wasm", true}},
    Entry{"pdf", {"application/pdf", false}},
    Entry{"png", {"image/png", false}},
    Entry{"jpg", {"image/jpeg", false}},
    Entry{"jpeg", {"image/jpeg", false}},
    Entry{"gif", {"image/gif", false}},
    Entry{"webp", {"image/webp", false}},
    Entry{"avif", {"image/avif", false}},
    Entry{"ico", {"image/vnd.microsoft.icon", true}},
    Entry{"bmp", {"image/bmp", true}},
    Entry{"woff", {"font/woff", false}},
    Entry{"woff2", {"font/woff2", false}},
    Entry{"ttf", {"font/ttf", true}},
    Entry{"otf", {"font/otf", true}},
    Entry{"mp3", {"audio/mpeg", false}},
    Entry{"ogg", {"audio/ogg", false}},
    Entry{"wav", {"audio/wav", false}},
    Entry{"mp4", {"video/mp4", false}},
    Entry{"webm", {"video/webm", false}},
    Entry{"zip", {"application/zip", false}},
    Entry{"gz", {"application/gzip", false}},
};

}  // namespace

MediaType media_type_of(std::string_view path) noexcept {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  const std::size_t dot = name.rfind('.');
  if (dot != std::string_view::npos) {
    const std::string_view extension = name.substr(dot + 1);
    const auto found = std::ranges::find_if(kEntries, [&](const Entry& entry) {
      return equals_ignoring_case(entry.extension, extension);
    });
    if (found != kEntries.end()) {
      return found->type;
    }
  }
  return {"application/octet-stream", false};
}

}  // namespace whorl::http
