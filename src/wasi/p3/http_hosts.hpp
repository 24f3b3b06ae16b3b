/// wasi:http of 0.3: the functions of wasi:http/types and wasi:http/client.
#pragma once

#include "wasi/context.hpp"
#include "wasi/p2/surroundings.hpp"
#include "wasi/p3/http_message.hpp"
#include "wit/wasi_http_client_p3.hpp"
#include "wit/wasi_http_types_p3.hpp"

namespace whorl::wasi::p3 {

class HttpTypesHost final : public types::Host {
 public:
  explicit HttpTypesHost(const Surroundings& around) noexcept : around_(around) {}

  [[nodiscard]] component::HostResult<component::Own<types::Fields>> fields_new(
      component::Call& call
  ) override;
  [[nodiscard]] component::HostResult<
      std::expected<component::Own<types::Fields>, types::HeaderError>>
  fields_from_list(
      component::Call& call, std::vector<std::tuple<std::string_view, ByteView>> entries
  ) override;
  [[nodiscard]] component::HostResult<std::tuple<component::Own<types::Request>, SentReader>>
  request_new(
      component::Call& call,
      component::Own<types::Fields> headers,
      std::optional<ByteReader> contents,
      TrailersReader trailers,
      std::optional<component::Own<types::RequestOptions>> options
  ) override;
  [[nodiscard]] component::HostResult<std::tuple<ByteReader, TrailersReader>> request_consume_body(
      component::Call& call, component::Own<types::Request> this_, SentReader res
  ) override;
  [[nodiscard]] component::HostResult<component::Own<types::RequestOptions>> request_options_new(
      component::Call& call
  ) override;
  [[nodiscard]] component::HostResult<std::tuple<component::Own<types::Response>, SentReader>>
  response_new(
      component::Call& call,
      component::Own<types::Fields> headers,
      std::optional<ByteReader> contents,
      TrailersReader trailers
  ) override;
  [[nodiscard]] component::HostResult<std::tuple<ByteReader, TrailersReader>> response_consume_body(
      component::Call& call, component::Own<types::Response> this_, SentReader res
  ) override;

 private:
  const Surroundings& around_;
};

class HttpClientHost final : public wit::wasi_http_client_p3::Host {
 public:
  HttpClientHost(const Surroundings& around, const InstanceContext& context) noexcept
      : around_(around), context_(context) {}
  [[nodiscard]] component::HostResult<std::expected<component::Own<types::Response>, ErrorCode>>
  send(component::Call& call, component::Own<types::Request> request) override;

 private:
  const Surroundings& around_;
  const InstanceContext& context_;
};

}  // namespace whorl::wasi::p3
