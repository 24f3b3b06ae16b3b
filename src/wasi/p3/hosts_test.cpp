#include "wasi/p3/hosts.hpp"

#include "wasi/files/test_support.hpp"
#include "wasi/p3/descriptor.hpp"
#include "wasi/p3/error.hpp"
#include "wasi/p3/http_fields.hpp"
#include "wasi/p3/http_message.hpp"
#include "wasi/test_support.hpp"
#include "wit/wasi_http_types_abi.hpp"
#include "wit/wasi_http_types_p3_abi.hpp"

#include <doctest/doctest.h>

#include <cerrno>
#include <string>
#include <utility>

namespace whorl::wasi::p3 {
namespace {

using test::Scene;

// --- registration --------------------------------------------------------------------------------

TEST_CASE("the release candidate is the same interfaces") {
  component::HostRegistry registry;
  static_cast<void>(p2::register_p2(registry));
  const Slots slots = register_p3(registry);
  for (const char* name : {"wasi:http/types", "wasi:cli/stdout", "wasi:sockets/types"}) {
    CAPTURE(name);
    const auto release = registry.find(name, "0.3.0");
    const auto candidate = registry.find(name, kReleaseCandidate);
    REQUIRE(release);
    REQUIRE(candidate);
    CHECK(release->interface->functions.data() == candidate->interface->functions.data());
    CHECK(std::string(candidate->interface->version) == kReleaseCandidate);
    CHECK(std::string(release->interface->version) == "0.3.0");
    CHECK(registry.find(name, "0.3.1")->host_slot == release->host_slot);
    CHECK_FALSE(registry.find(name, "0.3.0-rc-2026-01-06"));
  }
  CHECK(registry.find("wasi:http/types", "0.2.0")->host_slot != slots.slots[16]);
  CHECK(registry.find("wasi:http/types", "0.3.0")->host_slot == slots.slots[16]);
}

// --- errors --------------------------------------------------------------------------------------

TEST_CASE("errors of HTTP have the same names in both versions") {
  const auto old_type = component::Abi<wit::wasi_http_types::ErrorCode>::describe();
  const auto new_type = component::Abi<ErrorCode>::describe();
  REQUIRE(old_type->members.size() == new_type->members.size());
  for (std::size_t i = 0; i < old_type->members.size(); ++i) {
    CHECK(old_type->members[i].name == new_type->members[i].name);
  }
  const ErrorCode dns =
      to_p3(p2::ErrorCode::dns_error({.rcode = "address not available", .info_code = 7}));
  CHECK(dns.tag == ErrorCode::Tag::DnsError);
  CHECK(dns.as<types::DnsErrorPayload>().rcode == "address not available");
  CHECK(dns.as<types::DnsErrorPayload>().info_code == 7);
  CHECK(
      to_p3(p2::ErrorCode::http_response_body_size(12)) == ErrorCode::http_response_body_size(12)
  );
  CHECK(to_p3(p2::ErrorCode::loop_detected()) == ErrorCode::loop_detected());
}

TEST_CASE("of a guest's error no more is kept than a message") {
  const std::string text(kMaxErrorText - 1, 'x');
  const auto kept = [](std::string from) {
    Transmission transmission;
    transmission.settle(std::unexpected(ErrorCode::internal_error(std::move(from))));
    return *transmission.outcome->error().as<std::optional<std::string>>();
  };
  CHECK(kept(text + "y") == text + "y");
  CHECK(kept(text + "yz") == text + "y");
  CHECK(kept(text + "\u00e9") == text);
  CHECK(kept(std::string(1'000'000, 'x')).capacity() < 2 * kMaxErrorText);
  const auto dns = shortened(ErrorCode::dns_error({.rcode = text + "yz", .info_code = 7}));
  CHECK(dns.as<types::DnsErrorPayload>().rcode == text + "y");
  CHECK(dns.as<types::DnsErrorPayload>().info_code == 7);
  CHECK(
      shortened(ErrorCode::http_request_body_size(~std::uint64_t{0})) ==
      ErrorCode::http_request_body_size(~std::uint64_t{0})
  );
}

TEST_CASE("errors of files") {
  struct Case {
    int number;
    FileErrorCode::Tag tag;
  };
  using Tag = FileErrorCode::Tag;
  for (const Case& each :
       {Case{EACCES, Tag::Access},
        {EALREADY, Tag::Already},
        {ENOENT, Tag::NoEntry},
        {EPERM, Tag::NotPermitted},
        {EXDEV, Tag::CrossDevice},
        {EAGAIN, Tag::Other},
        {ENOTRECOVERABLE, Tag::Io}}) {
    CAPTURE(each.number);
    CHECK(to_file_error(each.number).tag == each.tag);
  }
}

TEST_CASE("errors of sockets") {
  CHECK(to_p3(p2::SocketError::ConcurrencyConflict) == SocketError::invalid_state());
  CHECK(to_p3(p2::SocketError::ConnectionReset) == SocketError::connection_reset());
  CHECK(to_p3(p2::SocketError::WouldBlock).tag == SocketError::Tag::Other);
  CHECK(to_socket_error(EPIPE) == SocketError::connection_broken());
  CHECK(to_socket_error(ECONNREFUSED) == SocketError::connection_refused());
}

// --- files ---------------------------------------------------------------------------------------

TEST_CASE("times of files may be before 1970") {
  const files::test::TempFolder folder;
  Scene scene;
  Descriptor root(
      scene.around,
      nullptr,
      files::Handle(
          files::test::grant(folder.at("")),
          files::DescriptorBits::kRead | files::DescriptorBits::kMutateDirectory
      )
  );
  const auto modified = [&](fs_wit::Instant to) {
    const auto unchanged = fs_wit::NewTimestamp::no_change();
    REQUIRE(*root.set_times(scene.call, unchanged, fs_wit::NewTimestamp::timestamp(to)));
    return *(**root.stat(scene.call)).data_modification_timestamp;
  };
  CHECK(modified({7, 5}) == fs_wit::Instant{7, 5});
  CHECK(modified({-1, 999'999'999}) == fs_wit::Instant{-1, 999'999'999});
  CHECK(modified({-2, 2'000'000'005}) == fs_wit::Instant{0, 5});
}

// --- fields and options --------------------------------------------------------------------------

TEST_CASE("fields tell a guest why a change was refused") {
  Scene scene;
  HttpTypesHost host(scene.around);
  auto fields = *host.fields_new(scene.call);
  const auto refusal = [](const component::HostResult<Fields::Change>& told) {
    REQUIRE(told);
    return *told ? std::nullopt : std::optional(told->error().tag);
  };
  using Tag = types::HeaderError::Tag;
  CHECK(refusal(fields->append(scene.call, "bad name", {})) == Tag::InvalidSyntax);
  CHECK(refusal(fields->set(scene.call, "Host", {})) == Tag::Forbidden);
  CHECK(refusal(fields->append(scene.call, "a", as_bytes("1"))) == std::nullopt);
  CHECK(refusal(fields->append(scene.call, "A", as_bytes("2"))) == std::nullopt);
  const Bytes large(140'000, 'x');
  CHECK(refusal(fields->append(scene.call, "b", large)) == Tag::SizeExceeded);
  // What has no place is not read: no matter what is in it.
  const Bytes unsound(FieldMap::kMaxBytes + 1, '\n');
  CHECK(refusal(fields->append(scene.call, "b", unsound)) == Tag::SizeExceeded);
  CHECK(refusal(fields->set(scene.call, "b", {unsound})) == Tag::SizeExceeded);
  CHECK(refusal(fields->set(scene.call, "b", {large, as_bytes("\n")})) == Tag::SizeExceeded);
  auto taken = fields->get_and_delete(scene.call, "a");
  REQUIRE(*taken);
  CHECK((*taken)->size() == 2);
  CHECK_FALSE(*fields->has(scene.call, "a"));
  CHECK(fields->get_and_delete(scene.call, "no name")->error().tag == Tag::InvalidSyntax);
}

TEST_CASE("options of a request cannot be changed, clones can") {
  Scene scene;
  HttpTypesHost host(scene.around);
  auto options = *host.request_options_new(scene.call);
  REQUIRE(*options->set_connect_timeout(scene.call, 5));
  const auto& timeouts = static_cast<RequestOptions&>(*options).timeouts();
  RequestOptions fixed(timeouts, FieldsHandle::Access::Immutable);
  CHECK(
      fixed.set_first_byte_timeout(scene.call, 1)->error() ==
      types::RequestOptionsError::immutable()
  );
  auto clone = *fixed.clone(scene.call);
  CHECK(*clone->set_first_byte_timeout(scene.call, 1));
  CHECK(**clone->get_connect_timeout(scene.call) == 5);
  CHECK(to_client_timeouts(timeouts).connect == std::chrono::nanoseconds(5));
  CHECK(to_client_timeouts(timeouts).first_byte == http::ClientTimeouts::kDefault);
}

// --- requests ------------------------------------------------------------------------------------

struct RequestScene : Scene {
  Request request{around, make_local<FieldMap>(memory), MessageBody(), std::nullopt};
};

TEST_CASE("a request starts with nothing but a method") {
  RequestScene scene;
  CHECK(*scene.request.get_method(scene.call) == types::Method::get());
  CHECK(*scene.request.get_path_with_query(scene.call) == std::nullopt);
  CHECK(*scene.request.get_scheme(scene.call) == std::nullopt);
  CHECK(*scene.request.get_authority(scene.call) == std::nullopt);
  CHECK_FALSE(*scene.request.get_options(scene.call));
}

TEST_CASE("messages that a guest makes are charged, until they are gone") {
  Scene scene;
  HttpTypesHost host(scene.around);
  auto request = *host.request_new(
      scene.call, *host.fields_new(scene.call), std::nullopt, TrailersReader(), std::nullopt
  );
  CHECK(scene.memory.used() == kMessageCharge);
  CHECK(*std::get<0>(request)->set_authority(scene.call, "example.org"));
  CHECK(scene.memory.used() == kMessageCharge + 11);
  auto response =
      *host.response_new(scene.call, *host.fields_new(scene.call), std::nullopt, TrailersReader());
  CHECK(scene.memory.used() == 2 * kMessageCharge + 11);
  std::get<0>(request).reset();
  std::get<0>(response).reset();
  CHECK(scene.memory.used() == 0);

  MemoryCharge others(scene.memory);
  REQUIRE(others.try_resize(HostMemory::kDefaultLimit));
  CHECK_FALSE(host.request_new(
      scene.call, *host.fields_new(scene.call), std::nullopt, TrailersReader(), std::nullopt
  ));
  CHECK_FALSE(
      host.response_new(scene.call, *host.fields_new(scene.call), std::nullopt, TrailersReader())
  );
}

TEST_CASE("parts of a request that have a case of their own are that case") {
  RequestScene scene;
  CHECK(*scene.request.set_method(scene.call, types::Method::other("PUT")));
  CHECK(*scene.request.get_method(scene.call) == types::Method::put());
  CHECK(*scene.request.set_method(scene.call, types::Method::other("put")));
  CHECK(*scene.request.get_method(scene.call) == types::Method::other("put"));
  CHECK_FALSE(*scene.request.set_method(scene.call, types::Method::other("")));
  CHECK(*scene.request.set_scheme(scene.call, types::Scheme::other("https")));
  CHECK(*scene.request.get_scheme(scene.call) == types::Scheme::https());
  CHECK_FALSE(*scene.request.set_scheme(scene.call, types::Scheme::other("1")));
}

TEST_CASE("paths of a request") {
  RequestScene scene;
  const auto set = [&](std::string_view path) {
    return scene.request.set_path_with_query(scene.call, path)->has_value();
  };
  for (const char* good : {"/", "/a/../b", "/?x", "a/b", "?x", "../.."}) {
    CAPTURE(good);
    CHECK(set(good));
    CHECK(**scene.request.get_path_with_query(scene.call) == good);
  }
  CHECK(set(""));
  CHECK(**scene.request.get_path_with_query(scene.call) == "/");
  for (const char* bad : {"/ ", "/\n", "/#", "/\x7f", "/`"}) {
    CAPTURE(bad);
    CHECK_FALSE(set(bad));
  }
  CHECK(set("http://elsewhere/"));
  CHECK(scene.request.set_scheme(scene.call, types::Scheme::http()));
  const auto taken = scene.request.take_for_sending();
  REQUIRE(*taken);
  CHECK((*taken)->path_and_query == "/http://elsewhere/");
}

TEST_CASE("a status is one of five classes, and an answer is no informational one") {
  Scene scene;
  Response response(scene.around, make_local<FieldMap>(), MessageBody());
  for (const std::uint16_t bad : {std::uint16_t{99}, std::uint16_t{600}, std::uint16_t{65'535}}) {
    CHECK_FALSE(*response.set_status_code(scene.call, bad));
  }
  CHECK(*response.set_status_code(scene.call, 103));
  CHECK_FALSE(response.take_for_sending());
}

TEST_CASE("what belongs to a connection does not go on with a message") {
  Scene scene;
  auto exchange = make_local<http::Exchange>();
  exchange->request().fields.append("Host", "h");
  exchange->request().fields.append("Connection", "close");
  exchange->request().fields.append("X-A", "1");
  exchange->request().body = http::BodyPipe::empty();
  Request request(scene.around, std::move(exchange));
  const auto headers = *request.get_headers(scene.call);
  CHECK(*headers->has(scene.call, "host"));
  CHECK_FALSE(*headers->has(scene.call, "connection"));
  const auto taken = request.take_for_sending();
  REQUIRE(*taken);
  CHECK((*taken)->fields.lines() == std::vector<http::Field>{{"x-a", "1"}});
}

TEST_CASE("fields of a request are made when its guest looks at them, and then it goes alone") {
  Scene scene;
  auto exchange = make_local<http::Exchange>();
  exchange->request().method = "PUT";
  exchange->request().authority = "h";
  exchange->request().body = http::BodyPipe::empty();
  bool were_made = false;
  exchange->set_field_lines("Host: h\r\nX-A: 1\r\n");
  exchange->set_more_fields([&were_made](http::FieldSink&) { were_made = true; });
  Request request(scene.around, exchange);
  CHECK(*request.get_method(scene.call) == types::Method::put());
  CHECK(**request.get_authority(scene.call) == "h");
  CHECK_FALSE(were_made);
  CHECK(exchange.use_count() == 2);

  const auto headers = *request.get_headers(scene.call);
  CHECK(*headers->has(scene.call, "x-a"));
  CHECK(were_made);
  CHECK(exchange.use_count() == 1);
  exchange.reset();
  CHECK(*(*request.get_headers(scene.call))->has(scene.call, "host"));
}

TEST_CASE("a request that was detached holds no exchange, and has its fields") {
  Scene scene;
  auto exchange = make_local<http::Exchange>();
  exchange->request().body = http::BodyPipe::empty();
  exchange->set_field_lines("X-A: 1\r\n");
  Request request(scene.around, exchange);
  request.detach();
  CHECK(exchange.use_count() == 1);
  exchange.reset();
  CHECK(*(*request.get_headers(scene.call))->has(scene.call, "x-a"));
}

}  // namespace
}  // namespace whorl::wasi::p3
