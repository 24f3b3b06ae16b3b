# -DWHORL_STATIC_LIBRARIES=ON: nghttp2 and SQLite inside the program, as ./dev release ships it, and OpenSSL not: of that
# there is one in a process, since client libraries are handed contexts of ours (docs/adr/0058). By their targets'
# places, not by settings of the find modules, which would stay in a folder that was configured before.
function(whorl_archive TARGET PROPERTY NAME)
  unset(archive)  # a variable of that name outside would end the search before it begins
  find_library(archive NAMES "lib${NAME}.a" NO_CACHE)
  if(NOT archive)
    message(FATAL_ERROR "WHORL_STATIC_LIBRARIES: there is no lib${NAME}.a; it is part of the package of ${TARGET}'s headers")
  endif()
  set_target_properties(${TARGET} PROPERTIES ${PROPERTY} "${archive}")
endfunction()

whorl_archive(SQLite::SQLite3 IMPORTED_LOCATION sqlite3)
whorl_archive(PkgConfig::NGHTTP2 INTERFACE_LINK_LIBRARIES nghttp2)
