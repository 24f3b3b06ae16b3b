/// The vocabulary of WASI preview 1: error numbers, flags, rights, sizes of records.
///
/// Numbers are the guest's ABI; they differ from Linux's. @thread any
/// @spec WASI preview 1, wasi_snapshot_preview1.witx and typenames.witx
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

namespace whorl::wasi::p1 {

/// What every function but proc_exit returns.
enum class Errno : std::uint16_t {
  Success = 0,
  TooBig = 1,
  Access = 2,
  AddressInUse = 3,
  AddressNotAvailable = 4,
  AddressFamilyNotSupported = 5,
  Again = 6,
  Already = 7,
  BadDescriptor = 8,
  BadMessage = 9,
  Busy = 10,
  Canceled = 11,
  Child = 12,
  ConnectionAborted = 13,
  ConnectionRefused = 14,
  ConnectionReset = 15,
  Deadlock = 16,
  DestinationAddressRequired = 17,
  Domain = 18,
  QuotaExceeded = 19,
  Exists = 20,
  Fault = 21,
  FileTooBig = 22,
  HostUnreachable = 23,
  IdentifierRemoved = 24,
  IllegalSequence = 25,
  InProgress = 26,
  Interrupted = 27,
  Invalid = 28,
  Io = 29,
  IsConnected = 30,
  IsDirectory = 31,
  Loop = 32,
  TooManyOpen = 33,
  TooManyLinks = 34,
  MessageSize = 35,
  Multihop = 36,
  NameTooLong = 37,
  NetworkDown = 38,
  NetworkReset = 39,
  NetworkUnreachable = 40,
  TooManyOpenInSystem = 41,
  NoBufferSpace = 42,
  NoDevice = 43,
  NoEntry = 44,
  NotExecutable = 45,
  NoLocks = 46,
  NoLink = 47,
  NoMemory = 48,
  NoMessage = 49,
  NoProtocolOption = 50,
  NoSpace = 51,
  NotImplemented = 52,
  NotConnected = 53,
  NotDirectory = 54,
  NotEmpty = 55,
  NotRecoverable = 56,
  NotSocket = 57,
  NotSupported = 58,
  NotTerminal = 59,
  NoSuchDevice = 60,
  Overflow = 61,
  OwnerDead = 62,
  NotPermitted = 63,
  Pipe = 64,
  Protocol = 65,
  ProtocolNotSupported = 66,
  ProtocolType = 67,
  Range = 68,
  ReadOnly = 69,
  IllegalSeek = 70,
  NoSuchProcess = 71,
  Stale = 72,
  TimedOut = 73,
  TextBusy = 74,
  CrossDevice = 75,
  NotCapable = 76,
};

enum class FileType : std::uint8_t {
  Unknown = 0,
  BlockDevice = 1,
  CharacterDevice = 2,
  Directory = 3,
  RegularFile = 4,
  SocketDgram = 5,
  SocketStream = 6,
  SymbolicLink = 7,
};

/// Sets of bits as the guest passes them.
namespace rights {
inline constexpr std::uint64_t kDatasync = 1U << 0;
inline constexpr std::uint64_t kRead = 1U << 1;
inline constexpr std::uint64_t kSeek = 1U << 2;
inline constexpr std::uint64_t kSetFlags = 1U << 3;
inline constexpr std::uint64_t kSync = 1U << 4;
inline constexpr std::uint64_t kTell = 1U << 5;
inline constexpr std::uint64_t kWrite = 1U << 6;
inline constexpr std::uint64_t kAdvise = 1U << 7;
inline constexpr std::uint64_t kAllocate = 1U << 8;
inline constexpr std::uint64_t kCreateDirectory = 1U << 9;
inline constexpr std::uint64_t kCreateFile = 1U << 10;
inline constexpr std::uint64_t kLinkSource = 1U << 11;
inline constexpr std::uint64_t kLinkTarget = 1U << 12;
inline constexpr std::uint64_t kOpen = 1U << 13;
inline constexpr std::uint64_t kReaddir = 1U << 14;
inline constexpr std::uint64_t kReadlink = 1U << 15;
inline constexpr std::uint64_t kRenameSource = 1U << 16;
inline constexpr std::uint64_t kRenameTarget = 1U << 17;
inline constexpr std::uint64_t kPathFilestatGet = 1U << 18;
inline constexpr std::uint64_t kPathFilestatSetSize = 1U << 19;
inline constexpr std::uint64_t kPathFilestatSetTimes = 1U << 20;
inline constexpr std::uint64_t kFilestatGet = 1U << 21;
inline constexpr std::uint64_t kFilestatSetSize = 1U << 22;
inline constexpr std::uint64_t kFilestatSetTimes = 1U << 23;
inline constexpr std::uint64_t kSymlink = 1U << 24;
inline constexpr std::uint64_t kRemoveDirectory = 1U << 25;
inline constexpr std::uint64_t kUnlinkFile = 1U << 26;
inline constexpr std::uint64_t kPoll = 1U << 27;
inline constexpr std::uint64_t kShutdown = 1U << 28;
inline constexpr std::uint64_t kAccept = 1U << 29;
inline constexpr std::uint64_t kAll = (1U << 30) - 1;
}  // namespace rights

namespace fdflags {
inline constexpr std::uint32_t kAppend = 1U << 0;
inline constexpr std::uint32_t kDsync = 1U << 1;
inline constexpr std::uint32_t kNonblock = 1U << 2;
inline constexpr std::uint32_t kRsync = 1U << 3;
inline constexpr std::uint32_t kSync = 1U << 4;
inline constexpr std::uint32_t kAll = (1U << 5) - 1;
}  // namespace fdflags

namespace oflags {
inline constexpr std::uint32_t kCreate = 1U << 0;
inline constexpr std::uint32_t kDirectory = 1U << 1;
inline constexpr std::uint32_t kExclusive = 1U << 2;
inline constexpr std::uint32_t kTruncate = 1U << 3;
inline constexpr std::uint32_t kAll = (1U << 4) - 1;
}  // namespace oflags

namespace lookup {
inline constexpr std::uint32_t kFollow = 1U << 0;
}  // namespace lookup

namespace fstflags {
inline constexpr std::uint32_t kAccess = 1U << 0;
inline constexpr std::uint32_t kAccessNow = 1U << 1;
inline constexpr std::uint32_t kModify = 1U << 2;
inline constexpr std::uint32_t kModifyNow = 1U << 3;
inline constexpr std::uint32_t kAll = (1U << 4) - 1;
}  // namespace fstflags

namespace clockid {
inline constexpr std::uint32_t kRealtime = 0;
inline constexpr std::uint32_t kMonotonic = 1;
inline constexpr std::uint32_t kProcessCpu = 2;
inline constexpr std::uint32_t kThreadCpu = 3;
}  // namespace clockid

namespace whence {
inline constexpr std::uint32_t kSet = 0;
inline constexpr std::uint32_t kCurrent = 1;
inline constexpr std::uint32_t kEnd = 2;
}  // namespace whence

namespace eventtype {
inline constexpr std::uint32_t kClock = 0;
inline constexpr std::uint32_t kRead = 1;
inline constexpr std::uint32_t kWrite = 2;
}  // namespace eventtype

/// Bytes of the records in guest memory.
inline constexpr std::uint32_t kIovecSize = 8;
inline constexpr std::uint32_t kFdstatSize = 24;
inline constexpr std::uint32_t kFilestatSize = 64;
inline constexpr std::uint32_t kDirentSize = 24;
inline constexpr std::uint32_t kPrestatSize = 8;
inline constexpr std::uint32_t kSubscriptionSize = 48;
inline constexpr std::uint32_t kEventSize = 32;

}  // namespace whorl::wasi::p1
