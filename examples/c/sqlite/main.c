#include "example.h"
#include "text.h"

// Keeps what is posted, and lists it.

typedef fermyon_spin_sqlite_borrow_connection_t database;

static bool run(
    database it,
    const char* sql,
    fermyon_spin_sqlite_list_value_t parameters,
    fermyon_spin_sqlite_query_result_t* result
) {
  example_string_t statement = words(sql);
  fermyon_spin_sqlite_error_t error;
  return fermyon_spin_sqlite_method_connection_execute(it, &statement, &parameters, result, &error);
}

void whorl_handle(whorl_request* request, whorl_response* response) {
  const fermyon_spin_sqlite_list_value_t none = {0};
  example_string_t label = words("default");
  fermyon_spin_sqlite_own_connection_t connection;
  fermyon_spin_sqlite_error_t error;
  if (!fermyon_spin_sqlite_static_connection_open(&label, &connection, &error)) {
    fail(response, "the database is not granted: sqlite_databases in spin.toml\n");
    return;
  }
  const database it = fermyon_spin_sqlite_borrow_connection(connection);
  fermyon_spin_sqlite_query_result_t result;
  bool done = run(it, "CREATE TABLE IF NOT EXISTS notes (text TEXT)", none, &result);
  if (done && whorl_equal(whorl_method(request), "POST")) {
    fermyon_spin_sqlite_value_t note = {.tag = FERMYON_SPIN_SQLITE_VALUE_TEXT};
    note.val.text = string_of(body_of(request, 64 * 1024));
    const fermyon_spin_sqlite_list_value_t notes = {&note, 1};
    done = run(it, "INSERT INTO notes VALUES (?)", notes, &result);
  }
  if (!done || !run(it, "SELECT text FROM notes ORDER BY rowid", none, &result)) {
    fail(response, "the database cannot be used\n");
    return;
  }
  for (size_t i = 0; i < result.rows.len; ++i) {
    whorl_print(response, "- ");
    whorl_print_text(response, text_of(result.rows.ptr[i].values.ptr[0].val.text));
    whorl_print(response, "\n");
  }
}
