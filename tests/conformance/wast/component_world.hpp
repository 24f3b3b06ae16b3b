/// The components of a script: checked, instantiated, called.
///
/// Each instance has a store of its own and keeps its state from call to call; after a trap it
/// stays closed for good, as the specification wants.
/// @thread one
#pragma once

#include "host_instance.hpp"
#include "outcome.hpp"

#include "base/bytes.hpp"
#include "component/component.hpp"
#include "component/host.hpp"
#include "engine/engine.hpp"

#include <boost/json/array.hpp>

#include <memory>
#include <string_view>

namespace whorl::conformance {

/// Whose judgement of types counts.
enum class Checks : std::uint8_t {
  Ours,            ///< the decoder and the linker alone
  OursAndEngines,  ///< then the engine's validator, as when the product loads a component
};

/// An instance of a component, with all it lives in.
class LiveComponent;

class ComponentWorld {
 public:
  ComponentWorld(std::shared_ptr<engine::Engine> engine, Checks checks);
  ComponentWorld(const ComponentWorld&) = delete;
  ComponentWorld& operator=(const ComponentWorld&) = delete;
  ~ComponentWorld();

  /// What is wrong with a component in itself, whatever it imports.
  [[nodiscard]] Outcome<> validate(ByteView bytes) const;
  using Definition = std::shared_ptr<const component::Component>;
  /// Links it with the host and compiles it.
  [[nodiscard]] Outcome<Definition> load(ByteView bytes, std::string_view name) const;
  /// Instantiates, start functions included.
  [[nodiscard]] Outcome<std::shared_ptr<LiveComponent>> instantiate(const Definition& definition);
  /// Calls an exported function and compares its result. @param expected  null: any will do
  [[nodiscard]] static Outcome<> invoke(
      LiveComponent& instance,
      std::string_view field,
      const boost::json::array& arguments,
      const boost::json::array* expected
  );

 private:
  std::shared_ptr<engine::Engine> engine_;
  Checks checks_;
  component::HostRegistry registry_;
  HostInstance host_;
};

}  // namespace whorl::conformance
