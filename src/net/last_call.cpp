#include "net/last_call.hpp"

#include <linux/filter.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cstring>

namespace whorl::net {
namespace {

// A filter of a TCP socket sees the segment from its header on: flags are its fourteenth byte.
constexpr std::uint32_t kFlagsOffset = 13;
constexpr std::uint32_t kWholePacket = 0xffff;

/// SYN without ACK is dropped. Everything else passes, which also the sockets of accepted clients
/// rely on: they inherit the filter.
constexpr std::array<sock_filter, 5> kNoNewHandshake{{
    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, kFlagsOffset),
    BPF_STMT(BPF_ALU | BPF_AND | BPF_K, TH_SYN | TH_ACK),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TH_SYN, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, 0),
    BPF_STMT(BPF_RET | BPF_K, kWholePacket),
}};

struct HandshakeQuery {
  nlmsghdr header;
  inet_diag_req_v2 what;
};

/// What an answer of the kernel says about open handshakes.
enum class Told : std::uint8_t { More, None, Some, Error };

Told read_answer(const std::uint8_t* bytes, std::size_t size) noexcept {
  while (size >= sizeof(nlmsghdr)) {
    nlmsghdr header{};
    std::memcpy(&header, bytes, sizeof header);
    if (header.nlmsg_type == SOCK_DIAG_BY_FAMILY) {
      return Told::Some;
    }
    if (header.nlmsg_type == NLMSG_DONE) {
      return Told::None;
    }
    const std::size_t length = NLMSG_ALIGN(header.nlmsg_len);
    if (header.nlmsg_type == NLMSG_ERROR || length < sizeof header || length > size) {
      return Told::Error;
    }
    bytes += length;
    size -= length;
  }
  return Told::More;
}

}  // namespace

std::optional<bool> has_open_handshakes(const SocketAddress& address) noexcept {
  const fs::Fd fd(::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  HandshakeQuery query{};
  query.header = {
      .nlmsg_len = sizeof query,
      .nlmsg_type = SOCK_DIAG_BY_FAMILY,
      .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
      .nlmsg_seq = 0,
      .nlmsg_pid = 0,
  };
  query.what.sdiag_family = address.is_v6() ? AF_INET6 : AF_INET;
  query.what.sdiag_protocol = IPPROTO_TCP;
  query.what.idiag_states = 1U << TCP_SYN_RECV;
  query.what.id.idiag_sport = htons(address.port());
  if (!fd.is_open() || ::send(fd.get(), &query, sizeof query, 0) != sizeof query) {
    return std::nullopt;
  }
  // The whole answer is in the socket when send() returns.
  std::array<std::uint8_t, 8 * 1024> buffer;
  auto told = Told::More;
  while (told == Told::More) {
    const ssize_t size = ::recv(fd.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    told = size <= 0 ? Told::Error : read_answer(buffer.data(), static_cast<std::size_t>(size));
  }
  return told == Told::Error ? std::nullopt : std::optional(told == Told::Some);
}

bool drop_new_handshakes(const Listeners& listeners) noexcept {
  if (!listeners.unix_path.empty()) {
    return false;
  }
  auto code = kNoNewHandshake;
  const sock_fprog program{.len = code.size(), .filter = code.data()};
  bool any = false;
  for (const fs::Fd& socket : listeners.sockets) {
    any |= ::setsockopt(socket.get(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0;
  }
  return any;
}

void refuse_unix_clients(const Listeners& listeners) noexcept {
  if (listeners.unix_path.empty()) {
    return;
  }
  for (const fs::Fd& socket : listeners.sockets) {
    ::shutdown(socket.get(), SHUT_RD);
  }
}

}  // namespace whorl::net
