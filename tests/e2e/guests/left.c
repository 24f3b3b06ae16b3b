#include "whorl.h"

// What a guest notices of a client that leaves, by path; it says so on the error output.
//   /write   a line every 20 ms, without an end: until it cannot be written
//   /read    the whole body of the request, then an answer
//   /late    an answer after 400 ms
//   /silent  a line, then nothing for 400 ms
void whorl_handle(whorl_request* request, whorl_response* response) {
  static char buffer[4096];
  const whorl_text path = whorl_path(request);
  if (whorl_equal(path, "/write")) {
    do {
      whorl_print(response, "tick\n");
      whorl_sleep_ms(20);
    } while (whorl_flush(response));
    whorl_log("it cannot be written\n");
  } else if (whorl_equal(path, "/read")) {
    long count = 0;
    do {
      count = whorl_read(request, buffer, sizeof buffer);
    } while (count > 0);
    whorl_log(count == 0 ? "the body is whole\n" : "the body is cut\n");
    whorl_print(response, "read\n");
  } else if (whorl_equal(path, "/late")) {
    whorl_sleep_ms(400);
    whorl_log("it goes on\n");
    whorl_log(
        whorl_print(response, "late\n") && whorl_flush(response) ? "written\n" : "not written\n"
    );
  } else if (whorl_equal(path, "/silent")) {
    whorl_print(response, "tick\n");
    whorl_flush(response);
    whorl_sleep_ms(400);
    whorl_log("it goes on\n");
  }
}
