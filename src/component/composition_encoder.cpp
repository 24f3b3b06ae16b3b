#include "component/composition_encoder.hpp"

#include "component/binary.hpp"
#include "component/component_writer.hpp"
#include "component/denial.hpp"
#include "component/import_world.hpp"
#include "component/import_writer.hpp"
#include "component/linker.hpp"
#include "component/names.hpp"
#include "component/reader.hpp"
#include "component/skeleton.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace whorl::component {

using ir::Sort;

namespace {

class Encoder {
 public:
  explicit Encoder(std::span<const Part> parts) : parts_(parts) { read_.reserve(parts.size()); }

  [[nodiscard]] Result<Bytes> run() && {
    for (const Part& part : parts_) {
      WHORL_CHECKED(read(part).context("loading component {}", part.name));
    }
    WHORL_CHECKED(write_imports());
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      WHORL_CHECKED(write_part(i).context("loading component {}", parts_[i].name));
    }
    write_exports();
    return out_.bytes();
  }

 private:
  /// Where an import of a part comes from.
  struct Source {
    const Plug* plug = nullptr;
    bool is_denied = false;
    std::optional<ir::SortIndex> item = {};  ///< once it is there
  };
  struct ReadPart {
    std::shared_ptr<const ir::Component> component;
    std::unique_ptr<const ImportWorld> world;
    std::vector<Source> sources;                       ///< by import
    std::vector<std::optional<std::uint32_t>> merged;  ///< entry of the whole's imports, likewise
    std::uint32_t component_index = 0;
    std::uint32_t instance = 0;
  };

  [[nodiscard]] Result<> read(const Part& part) {
    WHORL_TRY(const BinaryKind kind, detect_binary(part.bytes));
    if (kind == BinaryKind::CoreModule) {
      return fail(ErrorKind::Unsupported, "it is a core module, and only components can be nested");
    }
    ReadPart& made = read_.emplace_back();
    WHORL_TRY(made.component, decode_component(part.bytes));
    WHORL_CHECKED(validate(made.component));
    WHORL_TRY(ImportWorld world, read_imports(*made.component));
    made.world = std::make_unique<const ImportWorld>(std::move(world));
    made.merged.resize(made.world->imports.size());
    for (std::uint32_t i = 0; i < made.world->imports.size(); ++i) {
      const ImportedItem& import = made.world->imports[i];
      const Source& source = made.sources.emplace_back(source_of(part, import));
      if (source.plug == nullptr && !source.is_denied) {
        WHORL_TRY(made.merged[i], merger_.add(*made.world, i, made.merged));
      }
    }
    return {};
  }

  [[nodiscard]] static Source source_of(const Part& part, const ImportedItem& import) {
    const auto plug = std::ranges::find(part.plugs, import.name, &Plug::import);
    if (plug != part.plugs.end()) {
      return {.plug = &*plug};
    }
    const auto interface = parse_interface_name(import.interface());
    return {
        .is_denied = interface && import.sort == Sort::Instance &&
                     std::ranges::find(part.denied, interface->interface) != part.denied.end()
    };
  }

  [[nodiscard]] Result<> write_imports() {
    ImportWriter imports(merger_.world(), out_);
    for (ReadPart& part : read_) {
      for (std::size_t i = 0; i < part.sources.size(); ++i) {
        if (part.merged[i]) {
          WHORL_TRY(part.sources[i].item, imports.import(*part.merged[i]));
        }
      }
    }
    return {};
  }

  [[nodiscard]] Result<> write_part(std::size_t index) {
    ReadPart& part = read_[index];
    part.component_index = nest(index);
    std::vector<ir::NamedIndex> arguments;
    for (std::uint32_t i = 0; i < part.sources.size(); ++i) {
      Source& source = part.sources[i];
      const ImportedItem& import = part.world->imports[i];
      if (source.plug != nullptr) {
        WHORL_TRY(source.item, exported_by(*source.plug, index, import.sort));
      } else if (source.is_denied) {
        WHORL_TRY(source.item, deny(part, i).context("denying {}", printable(import.name)));
      }
      arguments.push_back({import.name, *source.item});
    }
    part.instance = out_.instance(part.component_index, arguments);
    return {};
  }

  /// Equal parts are one component, and an instance each.
  [[nodiscard]] std::uint32_t nest(std::size_t index) {
    for (std::size_t i = 0; i < index; ++i) {
      if (std::ranges::equal(parts_[i].bytes, parts_[index].bytes)) {
        return read_[i].component_index;
      }
    }
    return out_.component(parts_[index].bytes);
  }

  [[nodiscard]] Result<ir::SortIndex> exported_by(const Plug& plug, std::size_t user, Sort wanted) {
    if (plug.part >= user) {
      return does_not_export(plug);
    }
    const ReadPart& from = read_[plug.part];
    for (const ir::Definition& definition : from.component->definitions) {
      const auto* item = std::get_if<ir::Export>(&definition.what);
      if (item != nullptr && item->name == plug.export_name) {
        if (item->item->sort != wanted) {
          break;
        }
        return ir::SortIndex{wanted, out_.alias(wanted, from.instance, item->name)};
      }
    }
    return does_not_export(plug);
  }

  [[nodiscard]] Result<ir::SortIndex> deny(const ReadPart& part, std::uint32_t import) {
    WHORL_TRY(const Denial denial, write_denial(*part.world, import));
    std::vector<ir::NamedIndex> arguments;
    for (const std::uint32_t used : denial.imports) {
      // Imports only refer to earlier ones.
      arguments.push_back({part.world->imports[used].name, *part.sources[used].item});
    }
    const std::uint32_t component = out_.component(denial.component);
    return ir::SortIndex{Sort::Instance, out_.instance(component, arguments)};
  }

  void write_exports() {
    const ReadPart& last = read_.back();
    for (const ir::Definition& definition : last.component->definitions) {
      if (const auto* item = std::get_if<ir::Export>(&definition.what)) {
        const Sort sort = item->item->sort;
        const std::uint32_t index = out_.alias(sort, last.instance, item->name);
        out_.export_item(item->name, item->implements, {sort, index});
      }
    }
  }

  std::span<const Part> parts_;
  std::vector<ReadPart> read_;
  ImportMerger merger_;
  ComponentWriter out_;
};

/// What was put together is as well typed as its parts fit: that is seen here.
Result<> check(ByteView composed) {
  WHORL_TRY(const auto decoded, decode_component(composed));
  WHORL_CHECKED(validate(decoded));
  return validate_by_skeleton(nullptr, composed);
}

}  // namespace

Result<Bytes> encode_composition(std::span<const Part> parts) {
  const Part& last = parts.back();
  if (parts.size() == 1 && last.plugs.empty() && last.denied.empty()) {
    return Bytes(last.bytes.begin(), last.bytes.end());
  }
  if (parts.size() > kMaxParts) {
    return fail(
        ErrorKind::ResourceLimit, "{} is composed of more than {} components", last.name, kMaxParts
    );
  }
  WHORL_TRY(Bytes composed, Encoder(parts).run());
  WHORL_CHECKED(check(composed).context("failed to encode composition graph"));
  return composed;
}

}  // namespace whorl::component
