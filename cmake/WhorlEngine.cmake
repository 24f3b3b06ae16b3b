# The engine: a static library built from third_party/wasmtime by tools/engine.sh, kept outside the
# tree and found through WHORL_ENGINE_DIR (./dev passes it; without it the script is asked).
if(NOT WHORL_ENGINE_DIR)
  execute_process(
    COMMAND "${CMAKE_SOURCE_DIR}/tools/engine.sh" path
    OUTPUT_VARIABLE WHORL_ENGINE_DIR OUTPUT_STRIP_TRAILING_WHITESPACE
    COMMAND_ERROR_IS_FATAL ANY)
endif()
# As library_name in tools/engine.sh.
file(GLOB WHORL_ENGINE_PATCHES CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/third_party/wasmtime/patches/*.patch")
set(WHORL_ENGINE_CHANGES "")
foreach(patch IN LISTS WHORL_ENGINE_PATCHES)
  file(READ "${patch}" text)
  string(APPEND WHORL_ENGINE_CHANGES "${text}")
endforeach()
string(SHA256 WHORL_ENGINE_CHANGES "${WHORL_ENGINE_CHANGES}")
string(SUBSTRING "${WHORL_ENGINE_CHANGES}" 0 16 WHORL_ENGINE_CHANGES)
set(WHORL_ENGINE_LIBRARY "${WHORL_ENGINE_DIR}/lib/libwhorl_engine-${WHORL_ENGINE_CHANGES}.a")
if(NOT EXISTS "${WHORL_ENGINE_LIBRARY}")
  message(FATAL_ERROR "The engine library is missing. Run `./dev setup` first, it builds it once.")
endif()

add_library(wasmtime STATIC IMPORTED)
set_target_properties(wasmtime PROPERTIES
  IMPORTED_LOCATION "${WHORL_ENGINE_LIBRARY}"
  INTERFACE_LINK_LIBRARIES "dl;m;pthread")
target_include_directories(wasmtime SYSTEM INTERFACE "${WHORL_ENGINE_DIR}/include")
