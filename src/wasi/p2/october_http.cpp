// wasi:http of the candidate of October 2023: requests and responses are made in one step of fields
// that stay the guest's, options are a record, errors are four texts.
#include "component/adapted_function.hpp"
#include "wasi/p2/candidate_table.hpp"
#include "wasi/p2/http_body.hpp"
#include "wasi/p2/http_outgoing.hpp"
#include "wit/wasi_http_outgoing_handler.hpp"
#include "wit/wasi_http_types_abi.hpp"

#include <fmt/format.h>

#include <array>
#include <string>

namespace whorl::wasi::p2 {

namespace types = wit::wasi_http_types;

/// The candidate's variant `error`.
struct OctoberError {
  enum class Tag : std::uint8_t { InvalidUrl, TimeoutError, ProtocolError, UnexpectedError };
  Tag tag{};
  std::variant<std::monostate, std::string> payload;
};

/// The candidate's record `request-options`, in milliseconds.
struct OctoberOptions {
  std::optional<std::uint32_t> connect{};
  std::optional<std::uint32_t> first_byte{};
  std::optional<std::uint32_t> between_bytes{};
};

}  // namespace whorl::wasi::p2

namespace whorl::component {

inline constexpr std::array<const char*, 4> kLabels_october_error = {
    "invalid-url", "timeout-error", "protocol-error", "unexpected-error"
};
template <>
struct Abi<wasi::p2::OctoberError> : VariantAbi<
                                         wasi::p2::OctoberError,
                                         kLabels_october_error,
                                         std::string,
                                         std::string,
                                         std::string,
                                         std::string> {};

inline constexpr std::array<const char*, 3> kLabels_october_options = {
    "connect-timeout-ms", "first-byte-timeout-ms", "between-bytes-timeout-ms"
};
template <>
struct Abi<wasi::p2::OctoberOptions> : RecordAbi<
                                           wasi::p2::OctoberOptions,
                                           kLabels_october_options,
                                           &wasi::p2::OctoberOptions::connect,
                                           &wasi::p2::OctoberOptions::first_byte,
                                           &wasi::p2::OctoberOptions::between_bytes> {};

}  // namespace whorl::component

namespace whorl::wasi::p2 {
namespace {

using component::Call;
using component::HostResult;
using component::Own;

OctoberError to_october(const ErrorCode& error) {
  using Old = OctoberError::Tag;
  using New = ErrorCode::Tag;
  OctoberError made;
  switch (error.tag) {
    case New::HttpRequestUriInvalid:
    case New::HttpRequestUriTooLong:
      made.tag = Old::InvalidUrl;
      break;
    case New::DnsTimeout:
    case New::ConnectionTimeout:
    case New::ConnectionReadTimeout:
    case New::ConnectionWriteTimeout:
    case New::HttpResponseTimeout:
      made.tag = Old::TimeoutError;
      break;
    case New::HttpProtocolError:
    case New::HttpResponseIncomplete:
    case New::TlsProtocolError:
      made.tag = Old::ProtocolError;
      break;
    default:
      made.tag = Old::UnexpectedError;
      break;
  }
  std::string text =
      component::kLabels_wasi_http_types_error_code[static_cast<std::size_t>(error.tag)];
  if (error.tag == New::InternalError) {
    text = error.as<std::optional<std::string>>().value_or(text);
  }
  made.payload.emplace<std::string>(std::move(text));
  return made;
}

/// What cannot be told in October ends the guest.
template <class T, class E>
HostResult<T> or_trap(HostResult<std::expected<T, E>> result, std::string_view what) {
  if (!result) {
    return std::unexpected(std::move(result.error()));
  }
  if (!*result) {
    return component::trap(fmt::format("{} is refused", what));
  }
  if constexpr (std::is_void_v<T>) {
    return {};
  } else {
    return std::move(**result);
  }
}

// --- fields --------------------------------------------------------------------------------------

HostResult<Own<types::Fields>> new_fields(
    types::Host& host, Call& call, std::vector<std::tuple<std::string_view, ByteView>> entries
) {
  return or_trap(host.fields_from_list(call, std::move(entries)), "a field");
}

HostResult<> set_field(
    types::Fields& fields, Call& call, std::string_view name, std::vector<ByteView> value
) {
  return or_trap(fields.set(call, name, std::move(value)), "the field");
}

HostResult<> delete_field(types::Fields& fields, Call& call, std::string_view name) {
  return or_trap(fields.delete_(call, name), "to delete the field");
}

HostResult<> append_field(
    types::Fields& fields, Call& call, std::string_view name, ByteView value
) {
  return or_trap(fields.append(call, name, value), "the field");
}

// --- messages ------------------------------------------------------------------------------------

/// Fields that were lent become part of a message as they are now.
HostResult<Own<types::Fields>> copy_of(types::Fields& headers, Call& call) {
  return headers.clone(call);
}

HostResult<Own<types::OutgoingRequest>> new_request(
    types::Host& host,
    Call& call,
    types::Method method,
    std::optional<std::string_view> path_with_query,
    std::optional<types::Scheme> scheme,
    std::optional<std::string_view> authority,
    types::Fields& headers
) {
  auto copy = copy_of(headers, call);
  if (!copy) {
    return std::unexpected(std::move(copy.error()));
  }
  auto request = host.outgoing_request_new(call, std::move(*copy));
  if (!request) {
    return request;
  }
  types::OutgoingRequest& made = **request;
  for (auto& part :
       {or_trap(made.set_method(call, std::move(method)), "the method"),
        or_trap(made.set_path_with_query(call, path_with_query), "the path"),
        or_trap(made.set_scheme(call, std::move(scheme)), "the scheme"),
        or_trap(made.set_authority(call, authority), "the authority")}) {
    if (!part) {
      return std::unexpected(part.error());
    }
  }
  return request;
}

HostResult<Own<types::OutgoingResponse>> new_response(
    types::Host& host, Call& call, std::uint16_t status, types::Fields& headers
) {
  auto copy = copy_of(headers, call);
  if (!copy) {
    return std::unexpected(std::move(copy.error()));
  }
  auto response = host.outgoing_response_new(call, std::move(*copy));
  if (!response) {
    return response;
  }
  if (auto set = or_trap((*response)->set_status_code(call, status), "the status code"); !set) {
    return std::unexpected(std::move(set.error()));
  }
  return response;
}

HostResult<> set_response(
    types::Host& host,
    Call& call,
    Own<types::ResponseOutparam> param,
    std::expected<Own<types::OutgoingResponse>, OctoberError> response
) {
  if (response) {
    return host.response_outparam_set(call, std::move(param), std::move(*response));
  }
  const auto* text = std::get_if<std::string>(&response.error().payload);
  return host.response_outparam_set(
      call,
      std::move(param),
      std::unexpected(ErrorCode::internal_error(text != nullptr ? *text : std::string()))
  );
}

HostResult<> finish_body(
    types::Host& host,
    Call& call,
    Own<types::OutgoingBody> body,
    std::optional<Own<types::Fields>> trailers
) {
  return or_trap(host.outgoing_body_finish(call, std::move(body), std::move(trailers)), "the body");
}

// --- what comes later ----------------------------------------------------------------------------

using Trailers = std::expected<Own<types::Fields>, OctoberError>;

HostResult<std::optional<Trailers>> get_trailers(types::FutureTrailers& future, Call& call) {
  auto& own = static_cast<FutureTrailers&>(future);
  auto got = own.get_in_candidate(call);
  if (!got) {
    return std::unexpected(std::move(got.error()));
  }
  if (!*got) {
    return std::optional<Trailers>();
  }
  auto& outcome = **got;
  if (!outcome) {
    return std::optional<Trailers>(std::unexpected(to_october(outcome.error())));
  }
  return std::optional<Trailers>(*outcome ? std::move(**outcome) : own.no_trailers());
}

using Response = std::expected<Own<types::IncomingResponse>, OctoberError>;
using ResponseOnce = std::expected<Response, component::Unit>;

HostResult<std::optional<ResponseOnce>> get_response(
    types::FutureIncomingResponse& future, Call& call
) {
  auto got = future.get(call);
  if (!got) {
    return std::unexpected(std::move(got.error()));
  }
  if (!*got) {
    return std::optional<ResponseOnce>();
  }
  auto& once = **got;
  if (!once) {
    return std::optional<ResponseOnce>(std::unexpected(once.error()));
  }
  if (!*once) {
    return std::optional<ResponseOnce>(Response(std::unexpect, to_october(once->error())));
  }
  return std::optional<ResponseOnce>(Response(std::move(**once)));
}

using Started = std::expected<Own<types::FutureIncomingResponse>, OctoberError>;

HostResult<Started> handle(
    wit::wasi_http_outgoing_handler::Host& host,
    Call& call,
    Own<types::OutgoingRequest> request,
    std::optional<OctoberOptions> options
) {
  std::optional<Own<types::RequestOptions>> given;
  if (options) {
    constexpr auto in_ns = [](std::optional<std::uint32_t> ms) -> std::optional<types::Duration> {
      return ms ? std::optional<types::Duration>(std::uint64_t{*ms} * 1'000'000) : std::nullopt;
    };
    auto made = std::make_unique<RequestOptions>();
    (void)made->set_connect_timeout(call, in_ns(options->connect));
    (void)made->set_first_byte_timeout(call, in_ns(options->first_byte));
    (void)made->set_between_bytes_timeout(call, in_ns(options->between_bytes));
    given = std::move(made);
  }
  auto started = host.handle(call, std::move(request), std::move(given));
  if (!started) {
    return std::unexpected(std::move(started.error()));
  }
  if (!*started) {
    return Started(std::unexpect, to_october(started->error()));
  }
  return Started(std::move(**started));
}

constexpr std::array<const char*, 1> kEntries = {"entries"};
constexpr std::array<const char*, 1> kSelf = {"self"};
constexpr std::array<const char*, 2> kSelfName = {"self", "name"};
constexpr std::array<const char*, 3> kSelfNameValue = {"self", "name", "value"};
constexpr std::array<const char*, 5> kRequestParts = {
    "method", "path-with-query", "scheme", "authority", "headers"
};
constexpr std::array<const char*, 2> kResponseParts = {"status-code", "headers"};
constexpr std::array<const char*, 2> kOutparam = {"param", "response"};
constexpr std::array<const char*, 2> kThisTrailers = {"this", "trailers"};
constexpr std::array<const char*, 2> kHandle = {"request", "options"};
constexpr std::string_view kTypes = "wasi:http/types";

template <auto kFunction, const auto& kNames>
consteval Change instead(const char* name) {
  return {kTypes, name, name, component::host_function<kFunction, kNames>(name)};
}
consteval Change without(const char* name) {
  return {kTypes, name};
}

constexpr std::array kChanges = {
    instead<&new_fields, kEntries>("[constructor]fields"),
    without("[static]fields.from-list"),
    without("[method]fields.has"),
    instead<&set_field, kSelfNameValue>("[method]fields.set"),
    instead<&delete_field, kSelfName>("[method]fields.delete"),
    instead<&append_field, kSelfNameValue>("[method]fields.append"),
    without("http-error-code"),
    instead<&new_request, kRequestParts>("[constructor]outgoing-request"),
    Change{kTypes, "[method]outgoing-request.body", "[method]outgoing-request.write"},
    without("[method]outgoing-request.method"),
    without("[method]outgoing-request.set-method"),
    without("[method]outgoing-request.path-with-query"),
    without("[method]outgoing-request.set-path-with-query"),
    without("[method]outgoing-request.scheme"),
    without("[method]outgoing-request.set-scheme"),
    without("[method]outgoing-request.authority"),
    without("[method]outgoing-request.set-authority"),
    without("[method]outgoing-request.headers"),
    without("[constructor]request-options"),
    without("[method]request-options.connect-timeout"),
    without("[method]request-options.set-connect-timeout"),
    without("[method]request-options.first-byte-timeout"),
    without("[method]request-options.set-first-byte-timeout"),
    without("[method]request-options.between-bytes-timeout"),
    without("[method]request-options.set-between-bytes-timeout"),
    instead<&set_response, kOutparam>("[static]response-outparam.set"),
    instead<&get_trailers, kSelf>("[method]future-trailers.get"),
    instead<&new_response, kResponseParts>("[constructor]outgoing-response"),
    Change{kTypes, "[method]outgoing-response.body", "[method]outgoing-response.write"},
    without("[method]outgoing-response.status-code"),
    without("[method]outgoing-response.set-status-code"),
    without("[method]outgoing-response.headers"),
    instead<&finish_body, kThisTrailers>("[static]outgoing-body.finish"),
    instead<&get_response, kSelf>("[method]future-incoming-response.get"),
    Change{
        "wasi:http/outgoing-handler",
        "handle",
        "handle",
        component::host_function<&handle, kHandle>("handle")
    },
};

}  // namespace

std::span<const Change> october_http_changes() {
  return kChanges;
}

}  // namespace whorl::wasi::p2
