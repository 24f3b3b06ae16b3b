#include "whorl.h"

// Sends the request's body back as it arrives: memory stays at one buffer however long the body is,
// because a read waits for the client's next bytes and a write for the client to take them.
void whorl_handle(whorl_request* request, whorl_response* response) {
  static char buffer[64 * 1024];
  whorl_text type = whorl_find_header(request, "content-type");
  whorl_header_text(
      response,
      whorl_string("content-type"),
      type.data != NULL ? type : whorl_string("application/octet-stream")
  );
  long size;
  while ((size = whorl_read(request, buffer, sizeof buffer)) > 0) {
    if (!whorl_write(response, buffer, (size_t)size)) {
      return;
    }
  }
  size_t count;
  const whorl_field* trailers = whorl_trailers(request, &count);
  for (size_t i = 0; i < count; ++i) {
    whorl_trailer_text(response, trailers[i].name, trailers[i].value);
  }
}
