#include "http/text_endpoint.hpp"

#include <string_view>
#include <utility>

namespace whorl::http {

void TextEndpoint::handle(LocalPtr<Exchange> exchange) {
  const Request& request = exchange->request();
  const std::string_view target = request.path_and_query;
  if (target.substr(0, target.find('?')) != path_) {
    exchange->abort(404);
    return;
  }
  Response response;
  if (request.method != "GET" && request.method != "HEAD") {
    response.status = 405;
    response.fields.append("allow", "GET, HEAD");
    response.body = BodyPipe::empty();
    exchange->respond(std::move(response));
    return;
  }
  const std::string text = make_();
  response.fields.append("content-type", content_type_);
  response.fields.append("cache-control", "no-store");
  response.body = make_local<BodyPipe>(text.size());
  response.body->write(as_bytes(text));
  response.body->finish();
  exchange->respond(std::move(response));
}

}  // namespace whorl::http
