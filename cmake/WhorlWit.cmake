# whorl_wit_bindings(NAME wit LAYER 4 INTERFACES wasi:io/error@0.2.12 … [FEATURES …] [SUFFIXES …])
#
# Declares a room made of generated code: the C++ bindings of the listed WIT interfaces, found under
# wit/. Static library whorl_<name> (alias whorl::<name>); headers are included as
# "wit/wasi_io_error.hpp". A SUFFIX `wasi:http@0.3.0=p3` appends _p3 to the namespaces and files of
# that package, so that two versions can live side by side.
find_package(Python3 3.11 REQUIRED COMPONENTS Interpreter)

function(whorl_wit_bindings)
  cmake_parse_arguments(W "" "NAME;LAYER" "INTERFACES;FEATURES;SUFFIXES" ${ARGN})
  set(generator_dir "${CMAKE_SOURCE_DIR}/tools/witgen")
  set(wit_dir "${CMAKE_SOURCE_DIR}/wit")
  set(out_dir "${CMAKE_BINARY_DIR}/gen")

  set(options)
  foreach(feature IN LISTS W_FEATURES)
    list(APPEND options --feature ${feature})
  endforeach()
  foreach(suffix IN LISTS W_SUFFIXES)
    list(APPEND options --suffix ${suffix})
  endforeach()

  set(sources)
  set(headers)
  foreach(interface IN LISTS W_INTERFACES)
    if(NOT interface MATCHES "^([^@]+)(@(.+))?$")
      message(FATAL_ERROR "not an interface: ${interface}")
    endif()
    set(stem "${CMAKE_MATCH_1}")
    set(version "${CMAKE_MATCH_3}")
    string(REGEX REPLACE "/.*" "" package "${stem}")
    string(REGEX REPLACE "[:/-]" "_" stem "${stem}")
    if(version)
      string(APPEND package "@${version}")
    endif()
    foreach(suffix IN LISTS W_SUFFIXES)
      if(suffix MATCHES "^(.*)=(.*)$" AND CMAKE_MATCH_1 STREQUAL package)
        string(APPEND stem "_${CMAKE_MATCH_2}")
      endif()
    endforeach()
    list(APPEND sources "${out_dir}/wit/${stem}.cpp")
    list(APPEND headers "${out_dir}/wit/${stem}.hpp" "${out_dir}/wit/${stem}_abi.hpp")
  endforeach()

  file(GLOB generator CONFIGURE_DEPENDS "${generator_dir}/*.py")
  file(GLOB_RECURSE texts CONFIGURE_DEPENDS "${wit_dir}/*.wit")
  add_custom_command(
    OUTPUT ${sources} ${headers}
    COMMAND Python3::Interpreter -B "${generator_dir}" --wit "${wit_dir}" --out "${out_dir}/wit"
            ${options} ${W_INTERFACES}
    DEPENDS ${generator} ${texts}
    COMMENT "Generating WIT bindings (${W_NAME})"
    VERBATIM)

  set(lib whorl_${W_NAME})
  add_library(${lib} STATIC ${sources} ${headers})
  add_library(whorl::${W_NAME} ALIAS ${lib})
  set_property(GLOBAL PROPERTY WHORL_LAYER_${W_NAME} ${W_LAYER})
  target_include_directories(${lib} PUBLIC "${out_dir}")
  target_link_libraries(${lib} PUBLIC whorl_options whorl::component)
endfunction()
