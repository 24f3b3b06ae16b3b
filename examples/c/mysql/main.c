#include "example.h"
#include "text.h"

// Says a word as often as it is asked, by a MySQL or MariaDB server: /ab/3.

void whorl_handle(whorl_request* request, whorl_response* response) {
  example_string_t address = string_of(joined(whorl_string("mysql://"), variable("server")));
  fermyon_spin_mysql_own_connection_t connection;
  fermyon_spin_mysql_error_t error;
  if (!fermyon_spin_mysql_static_connection_open(&address, &connection, &error)) {
    fail(response, "the server cannot be reached\n");
    return;
  }
  whorl_text path = whorl_path(request);
  fermyon_spin_mysql_parameter_value_t values[2];
  values[0].tag = FERMYON_SPIN_RDBMS_TYPES_PARAMETER_VALUE_STR;
  values[0].val.str = string_of(take_part(&path));
  values[1].tag = FERMYON_SPIN_RDBMS_TYPES_PARAMETER_VALUE_INT32;
  values[1].val.int32 = (int32_t)number_of(take_part(&path));
  fermyon_spin_mysql_list_parameter_value_t parameters = {values, 2};
  example_string_t statement = words("SELECT repeat(?, ?)");
  fermyon_spin_mysql_row_set_t answer;
  if (!fermyon_spin_mysql_method_connection_query(
          fermyon_spin_mysql_borrow_connection(connection), &statement, &parameters, &answer, &error
      )) {
    fail(response, "the server does not do it\n");
    return;
  }
  whorl_print_text(response, text_of(answer.rows.ptr[0].ptr[0].val.str));
  whorl_print(response, "\n");
}
