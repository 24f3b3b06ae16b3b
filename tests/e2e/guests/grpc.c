#include "whorl.h"

// A service of gRPC, without its library: what it does needs no look into messages.
//   /test.Echo/Chat  gives every message back as soon as it has come
//   /test.Echo/Fail  status 5, "nothing of the kind", whatever was sent
void whorl_handle(whorl_request* request, whorl_response* response) {
  static char buffer[16 * 1024];
  whorl_header(response, "content-type", "application/grpc");
  if (whorl_equal(whorl_path(request), "/test.Echo/Fail")) {
    whorl_flush(response);
    whorl_trailer(response, "grpc-status", "5");
    whorl_trailer(response, "grpc-message", "nothing of the kind");
    return;
  }
  whorl_flush(response);
  long size;
  while ((size = whorl_read(request, buffer, sizeof buffer)) > 0) {
    if (!whorl_write(response, buffer, (size_t)size) || !whorl_flush(response)) {
      return;
    }
  }
  whorl_trailer(response, "grpc-status", "0");
  whorl_trailer(response, "x-last", "word");
}
