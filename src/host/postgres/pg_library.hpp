/// PgLibrary: PostgreSQL's client library, loaded when it is first needed, so that the program runs
/// without it. Private to the capability. @thread any
#pragma once

#include "base/result.hpp"

#include <postgresql/libpq-fe.h>

#include <memory>

namespace whorl::host::postgres {

struct PgLibrary {
  decltype(&PQconninfoParse) conninfo_parse = nullptr;
  decltype(&PQconninfoFree) conninfo_free = nullptr;
  decltype(&PQfreemem) free_memory = nullptr;
  decltype(&PQconnectStart) connect_start = nullptr;
  decltype(&PQconnectPoll) connect_poll = nullptr;
  decltype(&PQfinish) finish = nullptr;
  decltype(&PQsocket) socket = nullptr;
  decltype(&PQerrorMessage) error_message = nullptr;
  decltype(&PQsetnonblocking) set_nonblocking = nullptr;
  decltype(&PQsetNoticeProcessor) set_notice_processor = nullptr;
  decltype(&PQsendQueryParams) send_query_params = nullptr;
  decltype(&PQsetSingleRowMode) set_single_row_mode = nullptr;
  decltype(&PQflush) flush = nullptr;
  decltype(&PQconsumeInput) consume_input = nullptr;
  decltype(&PQisBusy) is_busy = nullptr;
  decltype(&PQgetResult) get_result = nullptr;
  decltype(&PQresultStatus) result_status = nullptr;
  decltype(&PQresultErrorField) result_error_field = nullptr;
  decltype(&PQresultErrorMessage) result_error_message = nullptr;
  decltype(&PQclear) clear = nullptr;
  decltype(&PQntuples) row_count = nullptr;
  decltype(&PQnfields) column_count = nullptr;
  decltype(&PQfname) column_name = nullptr;
  decltype(&PQftype) column_type = nullptr;
  decltype(&PQgetvalue) value = nullptr;
  decltype(&PQgetlength) length = nullptr;
  decltype(&PQgetisnull) is_null = nullptr;
  decltype(&PQcmdTuples) affected_rows = nullptr;
  decltype(&PQtransactionStatus) transaction_status = nullptr;
  decltype(&PQstatus) status = nullptr;

  /// The library; the same for all. @return errors: Unavailable, which says what to install
  [[nodiscard]] static Result<const PgLibrary*> get();
};

}  // namespace whorl::host::postgres
