/// What streams and futures carry: the element types of a component, each known by one address.
///
/// Made while a component is planned, immutable afterwards. Equal types are one PayloadType, so
/// that comparing two streams' types is comparing addresses. @thread any once made
#pragma once

#include "base/result.hpp"
#include "component/types.hpp"

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

namespace whorl::component {

struct FuncLayout;
struct TypeLayout;

struct PayloadType {
  TypeRef type;                             ///< null: a stream or future of nothing
  const TypeLayout* layout = nullptr;       ///< null likewise
  std::shared_ptr<const FuncLayout> owner;  ///< of the layout
  /// @spec definitions.py none_or_number_type
  bool is_none_or_number = true;
  bool is_integer = false;  ///< copied as bytes
};

class PayloadTable {
 public:
  PayloadTable();
  PayloadTable(const PayloadTable&) = delete;
  PayloadTable& operator=(const PayloadTable&) = delete;
  ~PayloadTable();

  /// The payload type of an element type, made if it is new.
  ///
  /// @param element  null for none
  /// @return         ResourceLimit, and what make_layout() says
  [[nodiscard]] Result<const PayloadType*> add(const TypeRef& element);
  /// Null if no stream or future of the component carries it.
  [[nodiscard]] const PayloadType* find(const TypeRef& element) const;

  /// A number that equal types share; 0 for none.
  [[nodiscard]] Result<std::uint32_t> id_of(const TypeRef& type);

  /// Most different types of one component.
  static constexpr std::size_t kMaxTypes = 100'000;

 private:
  /// What a type is made of, with its parts as numbers. Nothing if a part is not known.
  template <class IdOf>
  [[nodiscard]] static std::optional<std::string> key_of(const Type& type, IdOf id_of);
  [[nodiscard]] std::optional<std::uint32_t> find_id(const TypeRef& type) const;

  std::unordered_map<std::string, std::uint32_t> ids_;
  std::unordered_map<TypeRef, std::uint32_t> known_;  ///< by address
  std::unordered_map<std::uint32_t, const PayloadType*> payload_of_;
  std::deque<PayloadType> payloads_;
};

}  // namespace whorl::component
