// A service that uses another module's resource; the path says which mistake it makes.
#include "user.h"

#include <stdio.h>
#include <string.h>

typedef test_resources_shapes_own_shape_t own_shape;

static own_shape make(const char* name, int points) {
  user_string_t text;
  user_string_set(&text, name);
  const own_shape made = test_resources_shapes_constructor_shape(&text);
  for (int i = 0; i < points; ++i) {
    test_resources_shapes_point_t at = {i, -i};
    test_resources_shapes_method_shape_add(test_resources_shapes_borrow_shape(made), &at);
  }
  return made;
}

/// The last point, and the name of the largest of three, one of them joined of two.
static int tell(char* out, size_t size) {
  const own_shape small = make("small", 2);
  own_shape joined;
  user_string_t error;
  test_resources_shapes_static_shape_join(make("left", 3), make("right", 4), &joined, &error);
  own_shape none;
  user_string_t why;
  const bool could =
      test_resources_shapes_static_shape_join(make("some", 1), make("empty", 0), &none, &why);
  test_resources_shapes_borrow_shape_t both[] = {
      test_resources_shapes_borrow_shape(small), test_resources_shapes_borrow_shape(joined)
  };
  test_resources_shapes_list_borrow_shape_t list = {both, 2};
  user_string_t largest;
  test_resources_shapes_largest(&list, &largest);
  test_resources_shapes_list_point_t points;
  test_resources_shapes_method_shape_points(both[1], &points);
  const uint32_t before = test_resources_shapes_alive();
  test_resources_shapes_shape_drop_own(small);
  test_resources_shapes_shape_drop_own(joined);
  return snprintf(
      out,
      size,
      "largest %.*s of %zu points, the last %d %d; joined %d: %.*s; alive %u, then %u\n",
      (int)largest.len,
      (const char*)largest.ptr,
      points.len,
      points.ptr[points.len - 1].x,
      points.ptr[points.len - 1].y,
      could,
      (int)why.len,
      (const char*)why.ptr,
      before,
      test_resources_shapes_alive()
  );
}

static void err_on_purpose(char mistake) {
  user_string_t name;
  const own_shape made = make("wrong", 1);
  const test_resources_shapes_borrow_shape_t lent = test_resources_shapes_borrow_shape(made);
  own_shape other;
  switch (mistake) {
    case 'u':  // used after it was dropped
      test_resources_shapes_shape_drop_own(made);
      test_resources_shapes_method_shape_name(lent, &name);
      break;
    case 'd':  // dropped twice
      test_resources_shapes_shape_drop_own(made);
      test_resources_shapes_shape_drop_own(made);
      break;
    case 'g':  // given away twice
      test_resources_shapes_static_shape_join(made, made, &other, &name);
      break;
    case 'w':  // a handle of another type: of the request's headers
      test_resources_shapes_method_shape_name(
          (test_resources_shapes_borrow_shape_t){wasi_http_types_constructor_fields().__handle},
          &name
      );
      break;
    case 'n':  // none
      test_resources_shapes_method_shape_name((test_resources_shapes_borrow_shape_t){99}, &name);
      break;
    case 'p':  // a pointer out of memory
      name = (user_string_t){(uint8_t*)0xfffffff0U, 100};
      test_resources_shapes_constructor_shape(&name);
      break;
    case 'l':  // a list out of memory
      test_resources_shapes_largest(
          &(test_resources_shapes_list_borrow_shape_t){(void*)0x10000, 0x7fffffff}, &name
      );
      break;
    case 'k':  // not dropped at all
      break;
    default:
      break;
  }
}

void exports_wasi_http_incoming_handler_handle(
    exports_wasi_http_incoming_handler_own_incoming_request_t request,
    exports_wasi_http_incoming_handler_own_response_outparam_t answer
) {
  char text[256] = "kept\n";
  user_string_t path;
  const wasi_http_types_borrow_incoming_request_t asked =
      wasi_http_types_borrow_incoming_request(request);
  const bool has_path = wasi_http_types_method_incoming_request_path_with_query(asked, &path);
  if (has_path && path.len > 1) {
    err_on_purpose((char)path.ptr[1]);
  } else {
    tell(text, sizeof text);
  }
  const wasi_http_types_own_outgoing_response_t response =
      wasi_http_types_constructor_outgoing_response(wasi_http_types_constructor_fields());
  wasi_http_types_own_outgoing_body_t body;
  wasi_http_types_method_outgoing_response_body(
      wasi_http_types_borrow_outgoing_response(response), &body
  );
  wasi_http_types_result_own_outgoing_response_error_code_t result = {
      .is_err = false, .val.ok = response
  };
  wasi_http_types_static_response_outparam_set(answer, &result);
  wasi_http_types_own_output_stream_t stream;
  wasi_http_types_method_outgoing_body_write(wasi_http_types_borrow_outgoing_body(body), &stream);
  user_list_u8_t contents = {(uint8_t*)text, strlen(text)};
  wasi_io_streams_stream_error_t failed;
  wasi_io_streams_method_output_stream_blocking_write_and_flush(
      wasi_io_streams_borrow_output_stream(stream), &contents, &failed
  );
  wasi_io_streams_output_stream_drop_own(stream);
  wasi_http_types_error_code_t error;
  wasi_http_types_static_outgoing_body_finish(body, NULL, &error);
}
