#include "example.h"
#include "text.h"

// Adds up two numbers in a PostgreSQL server: /40/2.

void whorl_handle(whorl_request* request, whorl_response* response) {
  example_string_t address = string_of(joined(
      joined(whorl_string("postgres://postgres@"), variable("server")), whorl_string("/postgres")
  ));
  fermyon_spin_postgres_own_connection_t connection;
  fermyon_spin_postgres_error_t error;
  if (!fermyon_spin_postgres_static_connection_open(&address, &connection, &error)) {
    fail(response, "the server cannot be reached\n");
    return;
  }
  whorl_text path = whorl_path(request);
  fermyon_spin_postgres_parameter_value_t numbers[2];
  for (int i = 0; i < 2; ++i) {
    numbers[i].tag = FERMYON_SPIN_RDBMS_TYPES_PARAMETER_VALUE_INT64;
    numbers[i].val.int64 = (int64_t)number_of(take_part(&path));
  }
  fermyon_spin_postgres_list_parameter_value_t parameters = {numbers, 2};
  example_string_t statement = words("SELECT $1::int8 + $2::int8");
  fermyon_spin_postgres_row_set_t sum;
  if (!fermyon_spin_postgres_method_connection_query(
          fermyon_spin_postgres_borrow_connection(connection), &statement, &parameters, &sum, &error
      )) {
    fail(response, "the server does not do it\n");
    return;
  }
  whorl_print_number(response, (unsigned long long)sum.rows.ptr[0].ptr[0].val.int64);
  whorl_print(response, "\n");
}
