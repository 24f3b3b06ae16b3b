/// FieldMap: header and trailer fields under the rules of wasi:http's `fields`.
///
/// Names are kept in lower case, as every host that guests are used to does; values are kept byte
/// for byte, lines in the order they came. What a guest may not set, because it frames the message
/// or belongs to the connection, is refused; total size is bounded.
/// @spec wasi:http/types, resource fields; RFC 9110 §5. @thread shard
#pragma once

#include "base/bytes.hpp"
#include "http/fields.hpp"
#include "wasi/host_memory.hpp"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::http {
class Exchange;
}

namespace whorl::wasi {

/// Why a change of a FieldMap was refused.
enum class FieldError : std::uint8_t {
  InvalidSyntax,  ///< name or value
  Forbidden,      ///< the host sets this field, not the guest
  Immutable,
  TooLarge,     ///< beyond kMaxBytes; the guest is ended for it
  OutOfMemory,  ///< beyond what all its handles may hold; the guest is ended for it
};

/// Whether guests may set and see a field: `host`, `connection` and the other hop-by-hop ones are
/// the host's. Any case.
[[nodiscard]] bool is_forbidden_field(std::string_view name) noexcept;

class FieldMap {
 public:
  /// Most bytes of one map, counted with kLineCharge for each line.
  static constexpr std::size_t kMaxBytes = 128 * 1024;
  /// What a line costs beside its name and value, so that empty ones are bounded too.
  static constexpr std::size_t kLineCharge = 72;

  /// Empty, charged to nobody.
  FieldMap() = default;
  /// Empty; what is added is charged.
  explicit FieldMap(HostMemory& memory) noexcept : charge_(memory) {}
  FieldMap(FieldMap&&) noexcept = default;
  FieldMap& operator=(FieldMap&&) noexcept = default;
  ~FieldMap() = default;
  /// A copy charged to `memory`; OutOfMemory.
  [[nodiscard]] std::expected<FieldMap, FieldError> copy(HostMemory& memory) const;

  /// What guests are shown of fields that came over the wire.
  enum class Shown : std::uint8_t {
    NotForbidden,      ///< what they could have set themselves
    AllButConnection,  ///< `host` and `transfer-encoding` too, as in requests of 0.3
  };
  [[nodiscard]] static FieldMap from_wire(http::Fields fields, Shown shown = Shown::NotForbidden);
  /// All fields of a request, which is left without: in one pass where they are not made yet.
  [[nodiscard]] static FieldMap from_request(
      http::Exchange& exchange, Shown shown = Shown::NotForbidden
  );
  /// The fields as they go over the wire: blanks around values are cut (RFC 9110 §5.5). Leaves the
  /// map empty.
  [[nodiscard]] http::Fields take_wire();
  [[nodiscard]] http::Fields to_wire() const;

  [[nodiscard]] const std::vector<http::Field>& lines() const noexcept { return fields_.lines(); }
  /// All values of a name; none for an unknown or invalid one.
  [[nodiscard]] std::vector<std::string_view> values(std::string_view name) const
      [[clang::lifetimebound]];
  [[nodiscard]] bool contains(std::string_view name) const noexcept;

  /// Checks a name that is to be changed, without changing anything.
  [[nodiscard]] static std::expected<void, FieldError> check_name(std::string_view name) noexcept;
  /// Checks a value of a field. A `content-length` is a number of 64 bits and nothing else.
  /// TooLarge for one that no map has room for.
  [[nodiscard]] static std::expected<void, FieldError> check_value(
      std::string_view name, std::string_view value
  ) noexcept;

  /// Adds a line. A second `content-length` is refused: who reads which would differ.
  [[nodiscard]] std::expected<void, FieldError> append(
      std::string_view name, std::string_view value
  );
  /// append() for a name and a value that check_name() and check_value() have just let through.
  [[nodiscard]] std::expected<void, FieldError> append_checked(
      std::string_view name, std::string_view value
  );
  /// Replaces all values of a name; with none, removes it.
  [[nodiscard]] std::expected<void, FieldError> set(
      std::string_view name, std::span<const std::string_view> values
  );
  /// Removes all values of a name.
  [[nodiscard]] std::expected<void, FieldError> remove(std::string_view name);

  /// The `content-length`, if there is one; InvalidSyntax when it is no number or there are
  /// several.
  [[nodiscard]] std::expected<std::optional<std::uint64_t>, FieldError> content_length() const;
  /// What kMaxBytes is compared with.
  [[nodiscard]] std::size_t charged_bytes() const noexcept { return charge_.bytes(); }

 private:
  [[nodiscard]] static std::size_t charge_of(
      std::string_view name, std::string_view value
  ) noexcept {
    return name.size() + value.size() + kLineCharge;
  }
  [[nodiscard]] static bool is_hidden(std::string_view name, Shown shown) noexcept;
  [[nodiscard]] std::expected<void, FieldError> recharge(std::size_t bytes);
  void add_line(std::string name, std::string_view value);

  http::Fields fields_;
  MemoryCharge charge_;
};

}  // namespace whorl::wasi
