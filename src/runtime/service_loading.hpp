/// Private to the room: from a component's file to a service that can answer.
///
/// @thread any that may block: it reads files and compiles
#pragma once

#include "app/locked_app.hpp"
#include "base/hash.hpp"
#include "base/result.hpp"
#include "component/component.hpp"
#include "engine/module.hpp"
#include "loader/deferred_copies.hpp"
#include "runtime/background_preparer.hpp"
#include "runtime/known_good.hpp"
#include "runtime/platform.hpp"
#include "runtime/service.hpp"

#include <memory>
#include <optional>

namespace whorl::runtime {

/// Whether a service may begin on code that was compiled in a hurry.
enum class FirstCode : std::uint8_t { Optimised, MayBeQuick };

/// What is left to do of a service once its settings are known: reading, checking, linking and
/// compiling. Owns all but the platform.
struct Loading {
  app::Component component;
  std::shared_ptr<const Service> settings;  ///< the service without what is loaded
  EntryKind entry;
  const Platform* platform;
  std::optional<engine::ModuleCache> cache;
  component::LoadOptions load;
  std::shared_ptr<loader::DeferredCopies> copies;
};

struct LoadedService {
  std::shared_ptr<Service> service;
  /// Set where it runs on quick code: what tells the files it came from from others.
  std::optional<Sha256Digest> quick_from{};
};

/// What known_good.hpp keeps of it. Ask before the file is read.
[[nodiscard]] std::optional<Sha256Digest> identity_of(const Loading& loading);

/// Reads, checks and compiles, and remembers that there was no trouble. Opens no folder.
[[nodiscard]] Result<LoadedService> load_service(const Loading& loading, FirstCode quality);

/// The whole service, with a way to better it where it runs on quick code.
[[nodiscard]] Result<BackgroundPreparer::Made> make_service(
    const Loading& loading, FirstCode quality
);

}  // namespace whorl::runtime
