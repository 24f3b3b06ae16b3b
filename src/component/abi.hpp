/// The typed canonical ABI: Abi<T> says at compile time how a C++ type crosses between host and
/// guest: layout, flattened core types, lift and lower code, and its component-level description.
///
/// C++ types and what they stand for:
///   bool, std::intN_t, std::uintN_t, float, double, char32_t    the scalars
///   std::string, std::string_view                                string
///   Bytes, ByteView                                              list<u8>
///   std::vector<T>  std::tuple<T…>  std::optional<T>             list, tuple, option
///   std::expected<T, E>                                          result; void and Unit: no payload
///   Own<R>                                                       own<R>
///   R*, in a parameter at top level R&                           borrow<R>
///   what tools/witgen generates                                  records, variants, enums, flags
/// Views are lifted without a copy, from UTF-8, and last until the guest is entered again.
///
/// thunk.hpp makes host functions of C++ methods, export_call.hpp calls exports with C++ arguments.
/// Strings are UTF-8 here; what a component lowers or lifts in another encoding is transcoded.
/// @thread shard. @spec CanonicalABI.md; functions are named as in its definitions.py
#pragma once

#include "component/abi_compound.hpp"
#include "component/abi_context.hpp"
#include "component/abi_layout.hpp"
#include "component/abi_scalar.hpp"
#include "component/abi_variant.hpp"
