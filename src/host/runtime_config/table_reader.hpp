/// TableReader: typed reading of one table, noting what was read, so that what was not can be
/// refused or warned of. Private to the room.
///
/// The first error sticks; functions go on with harmless values after it. @thread any
#pragma once

#include "base/result.hpp"
#include "manifest/document.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::host::runtime_config {

class TableReader {
 public:
  /// @param path  how messages call the table: "outbound_http", "key_value_store.default"
  TableReader(const manifest::Node& table, std::string path);

  [[nodiscard]] std::optional<std::string> text(std::string_view name);
  [[nodiscard]] std::optional<bool> boolean(std::string_view name);
  [[nodiscard]] std::optional<std::uint64_t> number(std::string_view name);
  [[nodiscard]] std::vector<std::string> texts(std::string_view name);
  [[nodiscard]] std::map<std::string, std::string, std::less<>> text_table(std::string_view name);
  /// The entry itself, marked as read; null when absent.
  [[nodiscard]] const manifest::Node* node(std::string_view name);
  /// A text that must be there; "" after the error that it is not.
  [[nodiscard]] std::string required(std::string_view name);

  /// Names of entries that were not read and are not known.
  [[nodiscard]] std::vector<std::string> unread() const;
  /// Fails when there are such, as Spin's tables of a fixed shape do.
  void refuse_unread();
  /// Says so in `warnings` when there are such, as Spin ignores them.
  void warn_of_unread(std::vector<std::string>& warnings) const;
  /// " (did you mean `x`?)", or nothing.
  [[nodiscard]] std::string advice_for(std::string_view name) const;

  void fail_with(std::string message);
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] Result<> finish();

 private:
  [[nodiscard]] const manifest::Node* typed(
      std::string_view name, manifest::Node::Kind kind, std::string_view expected
  );

  const manifest::Node& table_;
  std::string path_;
  std::vector<std::string> known_;
  std::optional<Error> error_;
};

}  // namespace whorl::host::runtime_config
