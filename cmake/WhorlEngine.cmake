# The engine: a static library built from third_party/wasmtime by tools/engine.sh, kept outside the
# tree and found through WHORL_ENGINE_DIR (./dev passes it; without it the script is asked).
if(NOT WHORL_ENGINE_DIR)
  execute_process(
    COMMAND "${CMAKE_SOURCE_DIR}/tools/engine.sh" path
    OUTPUT_VARIABLE WHORL_ENGINE_DIR OUTPUT_STRIP_TRAILING_WHITESPACE
    COMMAND_ERROR_IS_FATAL ANY)
endif()
if(NOT EXISTS "${WHORL_ENGINE_DIR}/lib/libwhorl_engine.a")
  message(FATAL_ERROR "The engine library is missing. Run `./dev setup` first, it builds it once.")
endif()

add_library(wasmtime STATIC IMPORTED)
set_target_properties(wasmtime PROPERTIES
  IMPORTED_LOCATION "${WHORL_ENGINE_DIR}/lib/libwhorl_engine.a"
  INTERFACE_LINK_LIBRARIES "dl;m;pthread")
target_include_directories(wasmtime SYSTEM INTERFACE "${WHORL_ENGINE_DIR}/include")
