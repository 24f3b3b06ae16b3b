# The way of a request, compiled by a profile, for who asks for it (docs/adr/0049, "Later"):
#
#   -DWHORL_PROFILE=record         the program notes how often each branch is taken, and writes that
#                                  into the folder LLVM_PROFILE_FILE says when it ends
#   -DWHORL_PROFILE=FILE.profdata  the compiler knows
#
# ./dev release does both. Only the files that small requests pass through take part, those of guests of 0.2 and 0.3,
# with TLS and telemetry: the rest of the program is the same object files with and without.
set(WHORL_PROFILE "" CACHE STRING "record, or a file of llvm-profdata; empty for none")
if(WHORL_PROFILE STREQUAL "")
  return()
endif()

if(WHORL_PROFILE STREQUAL "record")
  set(profile_options -fprofile-generate)
  target_link_options(whorl_options INTERFACE -fprofile-generate)
elseif(EXISTS "${WHORL_PROFILE}")
  # What was changed since is compiled without it.
  set(profile_options "-fprofile-use=${WHORL_PROFILE}" -Wno-profile-instr-out-of-date -Wno-profile-instr-unprofiled -Wno-backend-plugin)
else()
  message(FATAL_ERROR "WHORL_PROFILE: there is no file ${WHORL_PROFILE}")
endif()

function(whorl_profile TARGET)
  get_target_property(folder ${TARGET} SOURCE_DIR)
  foreach(file IN LISTS ARGN)
    if(NOT IS_ABSOLUTE "${file}")
      set(file "${folder}/${file}")
      if(NOT EXISTS "${file}")
        message(FATAL_ERROR "WHORL_PROFILE: there is no ${file}; its list is in cmake/WhorlProfile.cmake")
      endif()
    endif()
    set_source_files_properties("${file}" TARGET_DIRECTORY ${TARGET} PROPERTIES COMPILE_OPTIONS "${profile_options}")
  endforeach()
endfunction()

whorl_profile(whorl allocation.cpp)
whorl_profile(whorl_base block_cache.cpp)
whorl_profile(whorl_log guest_output.cpp line_writer.cpp)
whorl_profile(whorl_async asio_impl.cpp shard.cpp)
whorl_profile(whorl_wire http1/head_rules.cpp http1/request.cpp http1/response.cpp http1/syntax.cpp http1/usual_head.cpp)
whorl_profile(whorl_telemetry access_line.cpp access_log.cpp encoded_span.cpp identity.cpp kept_text.cpp recorder.cpp
  recorder_spans.cpp request_record.cpp text.cpp)
whorl_profile(whorl_net acceptor.cpp receive.cpp socket_bio.cpp stream.cpp tls_stream.cpp)
whorl_profile(whorl_app route.cpp)
whorl_profile(whorl_http body.cpp buffer_pool.cpp connection.cpp connection_exchange.cpp exchange.cpp fields.cpp handshake.cpp
  http2_codec.cpp http2_connection.cpp http2_output.cpp http2_parts.cpp http2_response.cpp http2_session.cpp http2_stream.cpp
  observed_handler.cpp request_reader.cpp response_writer.cpp server.cpp)
whorl_profile(whorl_engine call.cpp epoch_clock.cpp fiber.cpp global.cpp memory_reset.cpp page_tracker.cpp store.cpp)
whorl_profile(whorl_component abi_context.cpp abi_string.cpp async_builtins.cpp async_export.cpp async_state.cpp
  component_instance.cpp copy_builtins.cpp copy_end.cpp export_call.cpp fiber_run.cpp fiber_switch.cpp handle_table.cpp
  instance_reset.cpp resource_builtins.cpp stream.cpp task.cpp task_builtins.cpp thunk.cpp utf8.cpp waitable.cpp)
whorl_profile(whorl_wit "${CMAKE_BINARY_DIR}/gen/wit/wasi_http_types.cpp" "${CMAKE_BINARY_DIR}/gen/wit/wasi_http_types_p3.cpp"
  "${CMAKE_BINARY_DIR}/gen/wit/wasi_io_streams.cpp")
whorl_profile(whorl_wasi field_map.cpp fields_handle.cpp p1/fd.cpp p1/preview1.cpp p2/byte_streams.cpp p2/handler.cpp
  p2/http_body.cpp p2/http_fields.cpp p2/http_hosts.cpp p2/http_incoming.cpp p2/streams.cpp p3/channels.cpp p3/handler.cpp
  p3/http_body.cpp p3/http_fields.cpp p3/http_message.cpp)
whorl_profile(whorl_runtime accounting.cpp component_output.cpp guest.cpp instance_pool.cpp invocation.cpp
  output_flusher.cpp shard_runtime.cpp turns.cpp)
whorl_profile(whorl_trigger_http http/http_trigger.cpp)
