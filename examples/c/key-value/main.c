#include "example.h"
#include "text.h"

// Counts the requests for each path, durably.

void whorl_handle(whorl_request* request, whorl_response* response) {
  const whorl_text path = whorl_path(request);
  example_string_t label = words("default");
  example_string_t key = string_of(path);
  fermyon_spin_key_value_own_store_t store;
  fermyon_spin_key_value_error_t error;
  if (!fermyon_spin_key_value_static_store_open(&label, &store, &error)) {
    fail(response, "the store is not granted: key_value_stores in spin.toml\n");
    return;
  }
  const fermyon_spin_key_value_borrow_store_t it = fermyon_spin_key_value_borrow_store(store);
  example_option_list_u8_t before;
  if (!fermyon_spin_key_value_method_store_get(it, &key, &before, &error)) {
    fail(response, "the store cannot be read\n");
    return;
  }
  const whorl_text old = {
      before.is_some ? (const char*)before.val.ptr : "", before.is_some ? before.val.len : 0
  };
  const unsigned long count = number_of(old) + 1;
  example_string_t digits = string_of(text_of_number(count));
  example_list_u8_t value = {digits.ptr, digits.len};
  if (!fermyon_spin_key_value_method_store_set(it, &key, &value, &error)) {
    fail(response, "the store cannot be written\n");
    return;
  }
  whorl_print_text(response, path);
  whorl_print(response, " was asked for ");
  whorl_print_number(response, count);
  whorl_print(response, " times\n");
}
