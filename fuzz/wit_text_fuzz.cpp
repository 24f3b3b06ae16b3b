// Packages in WIT text, as folders of a manifest and fetched targets bring them: whatever is in the
// files, they are read or refused, a world resolves or says why not, and one that resolves fits
// where it is expected itself.
#include "base/bytes.hpp"
#include "base/check.hpp"
#include "component/wit_compare.hpp"
#include "component/wit_packages.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::component::wit {
namespace {

// A new file of the same package begins here, a package that the others may refer to there.
constexpr char kNextFile = '\x01';
constexpr char kNextPackage = '\x02';

void check_fits(const std::vector<Item>& items, Side side) {
  for (const Item& item : items) {
    WHORL_CHECK(difference(item, item, side).empty(), "an item fits where it is expected itself");
  }
}

void check_packages(std::string_view world, std::string_view text) {
  Packages packages;
  std::vector<std::string> names;
  while (!text.empty()) {
    std::string_view package = text.substr(0, text.find(kNextPackage));
    text.remove_prefix(std::min(text.size(), package.size() + 1));
    std::vector<Packages::Source> files;
    while (!package.empty()) {
      const std::string_view file = package.substr(0, package.find(kNextFile));
      package.remove_prefix(std::min(package.size(), file.size() + 1));
      files.push_back({.file = "x.wit", .text = std::string(file)});
    }
    if (auto added = packages.add(files)) {
      names.push_back(*std::move(added));
    }
  }
  for (const std::string& name : names) {
    if (const auto found = packages.world(name, world)) {
      check_fits(found->imports, Side::Import);
      check_fits(found->exports, Side::Export);
      (void)to_text(*found);
    }
  }
}

}  // namespace
}  // namespace whorl::component::wit

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = whorl::as_text(whorl::ByteView(data, size));
  const std::size_t end = text.find('\n');
  if (end != std::string_view::npos) {
    whorl::component::wit::check_packages(text.substr(0, end), text.substr(end + 1));
  }
  return 0;
}
