/// The core modules of a script: compiled, linked by their registered names, called.
///
/// All instances of a script live in one store. A store does not outlive a trap here, and scripts
/// go on after one: then everything up to the trap is done again in a new store.
/// @thread one
#pragma once

#include "outcome.hpp"

#include "base/bytes.hpp"
#include "engine/module.hpp"
#include "engine/store.hpp"

#include <boost/json/array.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace whorl::conformance {

/// An instance, by its place in the order of instantiation.
struct CoreInstanceId {
  std::size_t place = 0;
};

class CoreWorld {
 public:
  explicit CoreWorld(std::shared_ptr<engine::Engine> engine);
  CoreWorld(const CoreWorld&) = delete;
  CoreWorld& operator=(const CoreWorld&) = delete;
  ~CoreWorld();

  /// Validates and compiles.
  [[nodiscard]] Outcome<> validate(ByteView wasm);
  [[nodiscard]] Outcome<CoreInstanceId> instantiate(ByteView wasm);
  /// Makes an instance importable under a name.
  void register_as(std::string_view name, CoreInstanceId instance);

  /// Calls an export and compares the results. @param expected  nothing: any result will do
  [[nodiscard]] Outcome<> invoke(
      CoreInstanceId instance,
      std::string_view field,
      const boost::json::array& arguments,
      const boost::json::array* expected
  );
  /// Compares a global.
  [[nodiscard]] Outcome<> get(
      CoreInstanceId instance, std::string_view field, const boost::json::array& expected
  );

 private:
  struct Loaded;
  struct Past;
  [[nodiscard]] Outcome<> revive();
  [[nodiscard]] Outcome<> make_spectest();
  [[nodiscard]] Outcome<engine::Instance> link(const Loaded& module);
  [[nodiscard]] Outcome<std::vector<engine::RawVal>> call(const Past& past, bool remember);
  [[nodiscard]] Outcome<engine::FuncType> type_of(CoreInstanceId instance, std::string_view field);

  std::shared_ptr<engine::Engine> engine_;
  std::unique_ptr<engine::Store> store_;
  std::unordered_map<std::string, CoreInstanceId> registered_;
  std::vector<engine::Instance> instances_;
  std::vector<Past> past_;  ///< what was done, in order, to do it again
};

}  // namespace whorl::conformance
