#include "host/postgres/pg_library.hpp"

#include <dlfcn.h>

#include <optional>

namespace whorl::host::postgres {
namespace {

template <class Function>
bool find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(::dlsym(library, name));
  return function != nullptr;
}

/// Never unloaded: connections and OpenSSL's callbacks may live until the end.
std::optional<PgLibrary> load() {
  void* library = ::dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    return std::nullopt;
  }
  PgLibrary made;
  const bool is_whole =
      find(library, "PQconninfoParse", made.conninfo_parse) &&
      find(library, "PQconninfoFree", made.conninfo_free) &&
      find(library, "PQfreemem", made.free_memory) &&
      find(library, "PQconnectStart", made.connect_start) &&
      find(library, "PQconnectPoll", made.connect_poll) && find(library, "PQfinish", made.finish) &&
      find(library, "PQsocket", made.socket) &&
      find(library, "PQerrorMessage", made.error_message) &&
      find(library, "PQsetnonblocking", made.set_nonblocking) &&
      find(library, "PQsetNoticeProcessor", made.set_notice_processor) &&
      find(library, "PQsendQueryParams", made.send_query_params) &&
      find(library, "PQsetSingleRowMode", made.set_single_row_mode) &&
      find(library, "PQflush", made.flush) && find(library, "PQconsumeInput", made.consume_input) &&
      find(library, "PQisBusy", made.is_busy) && find(library, "PQgetResult", made.get_result) &&
      find(library, "PQresultStatus", made.result_status) &&
      find(library, "PQresultErrorField", made.result_error_field) &&
      find(library, "PQresultErrorMessage", made.result_error_message) &&
      find(library, "PQclear", made.clear) && find(library, "PQntuples", made.row_count) &&
      find(library, "PQnfields", made.column_count) && find(library, "PQfname", made.column_name) &&
      find(library, "PQftype", made.column_type) && find(library, "PQgetvalue", made.value) &&
      find(library, "PQgetlength", made.length) && find(library, "PQgetisnull", made.is_null) &&
      find(library, "PQcmdTuples", made.affected_rows) &&
      find(library, "PQtransactionStatus", made.transaction_status) &&
      find(library, "PQstatus", made.status);
  return is_whole ? std::optional(made) : std::nullopt;
}

}  // namespace

Result<const PgLibrary*> PgLibrary::get() {
  static const std::optional<PgLibrary> library = load();
  if (!library) {
    return fail(ErrorKind::Unavailable, "PostgreSQL's client library is not installed on the host")
        .with_help("install libpq 5 (Debian package libpq5)");
  }
  return &*library;
}

}  // namespace whorl::host::postgres
