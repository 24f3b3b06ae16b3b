/// TextEndpoint: answers one path with a text that is made for each request. For operators:
/// metrics. @thread shard
#pragma once

#include "base/local_ptr.hpp"
#include "http/exchange.hpp"

#include <functional>
#include <string>

namespace whorl::http {

class TextEndpoint final : public Handler {
 public:
  /// @param path          the only path that is answered; others are 404, methods other than GET
  ///                      and HEAD 405
  /// @param content_type  of the answer
  /// @param make          called for each request, on the shard of its server
  TextEndpoint(
      std::string path, std::string content_type, std::move_only_function<std::string()> make
  )
      : path_(std::move(path)), content_type_(std::move(content_type)), make_(std::move(make)) {}

  void handle(LocalPtr<Exchange> exchange) override;

 private:
  std::string path_;
  std::string content_type_;
  std::move_only_function<std::string()> make_;
};

}  // namespace whorl::http
