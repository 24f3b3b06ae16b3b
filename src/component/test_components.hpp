/// For tests: whole components and modules in the form that tools emit, with parts to be changed.
#pragma once

#include "component/test_wasm.hpp"

#include <string>

namespace whorl::component::testing {

/// A component that imports test:host/log through a shim and exports test:guest/run.
///
/// Core module 0 (main): imports host.log and host.drop; memory with "hello" at 16; exports memory,
/// init (logs "hello"), run (logs "hello", returns 7). Core module 1: shim; core module 2: fix-up.
struct Guest {
  std::string interface = "test:host/log@1.0.0";
  std::string function = "log";
  std::string resource = "thing";
  Wasm param = {0x73};                ///< type of log's parameter: string
  std::string extra_import;           ///< a further imported interface that only has types
  Wasm memory = {0, 1};               ///< limits
  std::uint32_t log_import_type = 0;  ///< core type of main's import
  struct CoreFunc {
    std::vector<int> params;
    std::vector<int> results;
  };
  CoreFunc run_type = {{}, {0x7f}};
  Wasm lift_options = {0};         ///< canonical options of the lift of run
  Wasm lower_options = {1, 3, 0};  ///< of the lower of log: memory 0
  Bytes shim = shim_module(1);
  WithStart start = WithStart::No;        ///< main has a start function: init
  WithStart fixup_start = WithStart::No;  ///< the fix-up has one: init
  bool late_data = false;                 ///< a fourth module writes into main's memory
  bool reexport = false;                  ///< the export goes through a nested component

  [[nodiscard]] Bytes bytes() const;
};

/// Like a shim, but it has a memory: must be kept.
[[nodiscard]] Bytes almost_shim();

/// The payload of a component-type section: a world that imports what a Guest imports and exports
/// test:guest/run.
[[nodiscard]] Bytes world_of(const Guest& guest, int encoding = 0);

/// A bare core module with one export and two imports.
struct BareModule {
  std::string import_module = "test:host/log@1.0.0";
  std::string import_name = "log";
  std::string export_name = "test:guest/run@1.0.0#run";
  Bytes component_type = {};  ///< payload of a component-type section, empty for none
};
[[nodiscard]] Bytes bare_module(const BareModule& parts);

}  // namespace whorl::component::testing
