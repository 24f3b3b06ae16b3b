/// Inspecting a component or core module: what it is made of, what it wants, whether it would run
/// here. Nothing of it is compiled or run.
/// @thread any
#pragma once

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/result.hpp"
#include "component/binary.hpp"
#include "component/host.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace whorl::component {

struct Inspection {
  BinaryKind kind = BinaryKind::Component;
  std::uint64_t bytes = 0;

  struct Module {
    std::string name;  ///< from its name section; empty if there is none
    std::uint64_t bytes = 0;
    std::uint64_t code_bytes = 0;
    std::uint64_t data_bytes = 0;
    std::uint64_t custom_bytes = 0;
  };
  std::vector<Module> modules;  ///< in the order of the file; the module itself, of a module
  std::uint32_t nested_components = 0;  ///< all levels

  /// Custom sections by name, all levels together; largest first.
  struct Custom {
    std::string name;
    std::uint64_t bytes = 0;
    std::uint32_t count = 0;
  };
  std::vector<Custom> customs;

  /// What the producers sections say: ("language", "Rust", "1.90"), ("processed-by", …).
  struct Producer {
    std::string field;
    std::string name;
    std::string version;
    bool operator==(const Producer&) const = default;
  };
  std::vector<Producer> producers;

  /// An import of the component, or a module that a core module imports from.
  struct Import {
    std::string name;  ///< "wasi:io/streams@0.2.0"
    enum class Standing : std::uint8_t {
      Offered,
      TypesOnly,  ///< nothing in it needs a host
      Announced,  ///< links, and answers with its own error
      Missing,
    };
    Standing standing = Standing::Missing;
    std::string offered;  ///< Offered: as what; Missing: the versions there are, may be empty
  };
  std::vector<Import> imports;
  std::vector<std::string> exports;

  /// Imports, exports and types as WIT; empty for a module that does not tell them.
  std::string wit;
  /// Why it would not run here, as loading it would say; nothing if it would.
  std::optional<Error> refusal;
};

/// @return InvalidInput only for bytes that are neither a component nor a core module, or that
/// can't
///         be decoded; everything else that is wrong stands in Inspection::refusal
[[nodiscard]] Result<Inspection> inspect_binary(const HostRegistry& registry, ByteView bytes);

}  // namespace whorl::component
