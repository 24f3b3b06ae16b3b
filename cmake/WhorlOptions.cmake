# Compiler, warning and sanitizer settings shared by every target.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang" OR CMAKE_CXX_COMPILER_VERSION VERSION_LESS 19)
  message(FATAL_ERROR "Whorl is built by clang 19 (docs/adr/0001); found ${CMAKE_CXX_COMPILER}")
endif()

option(WHORL_WERROR "Treat warnings as errors (CI does)" OFF)
option(WHORL_FUZZ "Build the libFuzzer targets" OFF)
option(WHORL_STATIC_LIBRARIES "nghttp2 and SQLite inside the program (docs/adr/0058)" OFF)
set(WHORL_START_ORDER "" CACHE FILEPATH "A list of tools/start_order.py, by which the linker puts functions (docs/adr/0053); empty for none")
set(WHORL_SANITIZE "" CACHE STRING "Value for -fsanitize=, empty for none")

find_program(WHORL_CCACHE ccache)
if(WHORL_CCACHE)
  # Paths inside the tree are hashed relative to it, so that a clone elsewhere finds the same objects.
  set(WHORL_LAUNCHER env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${WHORL_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${WHORL_LAUNCHER})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${WHORL_LAUNCHER})
endif()

# What is shipped brings the C++ libraries along: half of the time from exec to main() was the loader
# binding their names. Those that read what strangers send stay shared, for the distribution's updates
# (docs/adr/0050).
set(WHORL_STATIC_CXX OFF)
if(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT WHORL_SANITIZE AND NOT WHORL_FUZZ)
  set(WHORL_STATIC_CXX ON)
endif()

add_library(whorl_options INTERFACE)
target_compile_options(whorl_options INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wthread-safety -Wframe-larger-than=16384
  -fno-omit-frame-pointer -fstack-protector-strong -fstack-clash-protection
  -ffile-prefix-map=${CMAKE_SOURCE_DIR}/=)  # objects and messages name files relative to the tree
if(WHORL_WERROR)
  target_compile_options(whorl_options INTERFACE -Werror)
endif()
target_include_directories(whorl_options INTERFACE "${CMAKE_SOURCE_DIR}/src")
# One place for the settings Boost.Asio needs to be the same everywhere.
target_compile_definitions(whorl_options INTERFACE
  BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_VISIBILITY BOOST_ASIO_SEPARATE_COMPILATION)

# Dev: assertions on and CHECK aborts; Release: what is shipped.
set(CMAKE_CXX_FLAGS_DEV "-O1 -g1 -D_GLIBCXX_ASSERTIONS -DWHORL_CHECK_ABORTS=1")
set(CMAKE_C_FLAGS_DEV "-O1 -g1")
set(CMAKE_EXE_LINKER_FLAGS_DEV "")
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG -D_FORTIFY_SOURCE=2 -ffunction-sections -fdata-sections")
set(CMAKE_C_FLAGS_RELEASE "-O2 -DNDEBUG -ffunction-sections -fdata-sections")

target_link_options(whorl_options INTERFACE -fuse-ld=lld-19 -pie -Wl,-z,relro,-z,now)
if(WHORL_STATIC_CXX)
  target_link_options(whorl_options INTERFACE -static-libstdc++ -static-libgcc)
endif()
if(WHORL_FUZZ)
  target_compile_options(whorl_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(WHORL_SANITIZE)
  target_compile_options(whorl_options INTERFACE -fsanitize=${WHORL_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(whorl_options INTERFACE -fsanitize=${WHORL_SANITIZE})
  target_compile_definitions(whorl_options INTERFACE WHORL_SANITIZED=1)
else()
  target_link_options(whorl_options INTERFACE -Wl,--gc-sections -Wl,--icf=all)
  # What is shipped is optimised across files: the way of a request leads through a hundred small functions of many rooms.
  # Relative relocations are packed: 37,000 of them are applied at each start.
  target_compile_options(whorl_options INTERFACE $<$<CONFIG:Release>:-flto=thin>)
  target_link_options(whorl_options INTERFACE
    $<$<CONFIG:Release>:-flto=thin> $<$<CONFIG:Release>:-Wl,--thinlto-jobs=2> $<$<CONFIG:Release>:-Wl,--thinlto-cache-dir=${CMAKE_BINARY_DIR}/thinlto> -Wl,-z,pack-relative-relocs)
endif()
