/// MysqlLibrary: MariaDB's client library, which speaks to MySQL too, loaded when it is first
/// needed. Private to the capability. @thread any
#pragma once

#include "base/result.hpp"

#include <mariadb/mysql.h>

namespace whorl::host::mysql {

struct MysqlLibrary {
  decltype(&mysql_init) init = nullptr;
  decltype(&mysql_optionsv) set_option = nullptr;
  decltype(&mysql_close) close = nullptr;
  decltype(&mysql_get_socket) socket = nullptr;
  decltype(&mysql_errno) error_number = nullptr;
  decltype(&mysql_error) error_text = nullptr;
  decltype(&mysql_sqlstate) sql_state = nullptr;
  decltype(&mysql_get_server_version) server_version = nullptr;
  decltype(&mysql_real_connect_start) connect_start = nullptr;
  decltype(&mysql_real_connect_cont) connect_cont = nullptr;
  decltype(&mysql_real_query_start) query_start = nullptr;
  decltype(&mysql_real_query_cont) query_cont = nullptr;
  decltype(&mysql_field_count) field_count = nullptr;
  decltype(&mysql_free_result) free_result = nullptr;
  decltype(&mysql_fetch_fields) fields = nullptr;
  decltype(&mysql_num_fields) number_of_fields = nullptr;
  decltype(&mysql_stmt_init) stmt_init = nullptr;
  decltype(&mysql_stmt_close) stmt_close = nullptr;
  decltype(&mysql_stmt_prepare_start) prepare_start = nullptr;
  decltype(&mysql_stmt_prepare_cont) prepare_cont = nullptr;
  decltype(&mysql_stmt_execute_start) execute_start = nullptr;
  decltype(&mysql_stmt_execute_cont) execute_cont = nullptr;
  decltype(&mysql_stmt_fetch_start) fetch_start = nullptr;
  decltype(&mysql_stmt_fetch_cont) fetch_cont = nullptr;
  decltype(&mysql_stmt_param_count) parameter_count = nullptr;
  decltype(&mysql_stmt_bind_param) bind_parameters = nullptr;
  decltype(&mysql_stmt_bind_result) bind_result = nullptr;
  decltype(&mysql_stmt_fetch_column) fetch_column = nullptr;
  decltype(&mysql_stmt_result_metadata) result_metadata = nullptr;
  decltype(&mysql_stmt_errno) stmt_error_number = nullptr;
  decltype(&mysql_stmt_error) stmt_error_text = nullptr;
  decltype(&mysql_stmt_sqlstate) stmt_sql_state = nullptr;

  /// The library; the same for all. @return errors: Unavailable, which says what to install
  [[nodiscard]] static Result<const MysqlLibrary*> get();
};

}  // namespace whorl::host::mysql
