/// Streams and futures: what both ends share, and the ends that guests hold.
///
/// The sides meet in guest memory: what is written goes straight to where it is read, whichever
/// side came first. Instead of a guest the host may hold an end: a HostSource that is asked when a
/// guest reads, a HostSink that is given what a guest writes (component/stream.hpp makes both of
/// C++ types). Where source and sink meet no guest is between, and values pass through the host.
/// @thread shard. @spec CanonicalABI.md "Stream State", "Future State", "Buffer State"
#pragma once

#include "base/local_ptr.hpp"
#include "component/abi_context.hpp"
#include "component/kept_bytes.hpp"
#include "component/waitable.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace whorl::component {

class AsyncState;
class ComponentInstance;
struct PayloadType;
struct TypeLayout;

enum class CopyResult : std::uint8_t { Completed = 0, Dropped = 1, Cancelled = 2 };
enum class CopyState : std::uint8_t { Idle, Copying, CancellingCopy, Done };

/// How a host end took part in a copy.
struct Progress {
  enum class Kind : std::uint8_t {
    Items,    ///< `count` items were taken or given
    Last,     ///< and those were the last: this side is gone
    Blocked,  ///< none now; notify() says when to ask again
    Dropped,  ///< none, and this side is gone
  };
  Kind kind = Kind::Blocked;
  std::size_t count = 0;

  /// 0 items are an answer to "how many into no room": that there are some.
  [[nodiscard]] static Progress items(std::size_t count) noexcept { return {Kind::Items, count}; }
  [[nodiscard]] static Progress last(std::size_t count) noexcept { return {Kind::Last, count}; }
  [[nodiscard]] static Progress blocked() noexcept { return {Kind::Blocked, 0}; }
  [[nodiscard]] static Progress dropped() noexcept { return {Kind::Dropped, 0}; }
};

class SharedStream;
class HostSink;

/// What a C++ element type is to streams: one object per type, compared by address.
struct HostElement {
  TypeRef (*describe)();
  std::uint32_t size;       ///< in guest memory
  std::uint32_t alignment;  ///< likewise
  bool needs_fiber;         ///< to lower it the guest's realloc is called
};

/// An end that the host holds: of what, and how to be asked again. Destroyed when the other side is
/// gone, when it said that it is gone itself, and when the event ends.
class HostEnd {
 public:
  HostEnd() = default;
  HostEnd(const HostEnd&) = delete;
  HostEnd& operator=(const HostEnd&) = delete;
  virtual ~HostEnd() = default;

  /// There is more to give, or room to take more: the end is asked again soon, not inside this
  /// call. From the shard's thread, on or off a fiber; harmless when nobody waits or the other side
  /// is gone. Without an other side yet it does nothing: the end is asked when there is one.
  void notify() noexcept;
  /// The same at once, for who is not called by the stream itself. Not if the other side is a guest
  /// whose realloc would be needed.
  void ask() noexcept;

  [[nodiscard]] const HostElement& element() const noexcept { return *element_; }

 protected:
  explicit HostEnd(const HostElement& element) noexcept : element_(&element) {}

 private:
  friend class SharedStream;
  const HostElement* element_ = nullptr;
  SharedStream* shared_ = nullptr;
};

/// The host's writable end.
class HostSource : public HostEnd {
 public:
  using HostEnd::HostEnd;
  /// Stores up to `room` items one after the other; on a fiber if the element needs_fiber.
  [[nodiscard]] virtual Progress store_into(
      LowerContext& cx, std::uint32_t ptr, std::uint32_t room
  ) = 0;
  /// Memory that it holds until it goes, where a guest can have any amount of it; asked once, when
  /// a guest is given the readable end.
  [[nodiscard]] virtual std::uint64_t kept_bytes() const noexcept { return 0; }
};

/// The host's readable end.
class HostSink : public HostEnd {
 public:
  using HostEnd::HostEnd;
  /// Takes up to `count` items from guest memory.
  [[nodiscard]] virtual Progress load_from(
      LiftContext& cx, const std::uint8_t* at, std::uint32_t count
  ) = 0;
  /// Takes items from a source of the same element type, until one of both is blocked.
  [[nodiscard]] virtual Progress take_from(HostSource& source) = 0;
  /// The writing side is gone: nothing follows what was taken. Called again after notify() until it
  /// returns true; then the sink is destroyed.
  ///
  /// @param is_aborted  the writer's event ended before it dropped its end
  [[nodiscard]] virtual bool finish(bool is_aborted) = 0;
};

/// Where a guest wants values, or has them. @spec definitions.py BufferGuestImpl
struct GuestBuffer {
  CallSite site;  ///< memory, realloc, encoding, component instance
  const PayloadType* type = nullptr;
  std::uint32_t ptr = 0;
  std::uint32_t progress = 0;  ///< items
  std::uint32_t length = 0;    ///< items

  static constexpr std::uint32_t kMaxLength = (1u << 28) - 1;
  [[nodiscard]] std::uint32_t remain() const noexcept { return length - progress; }
  [[nodiscard]] bool is_zero_length() const noexcept { return length == 0; }
};

/// An end that a guest holds. @spec definitions.py CopyEnd
class CopyEnd final : public Waitable {
 public:
  enum class Side : std::uint8_t { Readable, Writable };

  CopyEnd(LocalPtr<SharedStream> shared, Side side) noexcept;
  /// Tells the other side.
  ~CopyEnd() override;

  [[nodiscard]] SharedStream& shared() const noexcept { return *shared_; }
  /// Takes what is shared out of an end that is given away: its destructor tells nobody.
  [[nodiscard]] LocalPtr<SharedStream> release() noexcept { return std::move(shared_); }
  [[nodiscard]] Side side() const noexcept { return side_; }
  [[nodiscard]] bool is_copying() const noexcept {
    return state == CopyState::Copying || state == CopyState::CancellingCopy;
  }
  /// The event that its copies end with.
  [[nodiscard]] EventCode event_code() const noexcept;

  /// Starts a copy with `buffer`. @return why the guest must be ended, if it must
  [[nodiscard]] std::optional<HostTrap> copy(const Call& call);

  CopyState state = CopyState::Idle;
  GuestBuffer buffer;  ///< of the present copy
  /// The last copy ended because the other side is gone; for messages.
  bool was_told_dropped = false;

 private:
  friend class SharedStream;
  void on_copy();                        ///< some items were copied, more may follow
  void on_copy_done(CopyResult result);  ///< the copy is over
  [[nodiscard]] EventTuple make_event() override;

  LocalPtr<SharedStream> shared_;
  Side side_;
  CopyResult result_ = CopyResult::Completed;
  bool reclaims_ = false;  ///< the buffer is still the other side's to use until the event is taken
};

/// What both ends share. @spec definitions.py SharedStreamImpl, SharedFutureImpl
class SharedStream final : public EnableLocalFromThis<SharedStream> {
 public:
  enum class Kind : std::uint8_t { Stream, Future };

  /// @param type  null for one that the host made and no guest has had yet
  SharedStream(AsyncState* state, Kind kind, const PayloadType* type) noexcept;
  SharedStream(const SharedStream&) = delete;
  SharedStream& operator=(const SharedStream&) = delete;
  ~SharedStream();

  [[nodiscard]] Kind kind() const noexcept { return kind_; }
  /// Null while no guest has had it.
  [[nodiscard]] const PayloadType* type() const noexcept { return type_; }
  [[nodiscard]] AsyncState* state() const noexcept { return state_; }
  [[nodiscard]] bool is_dropped() const noexcept { return dropped_; }

  /// Makes a stream of the host known to the instance that gets its readable end.
  ///
  /// @return false if it belongs to another instance already
  [[nodiscard]] bool bind(AsyncState& state);
  /// After bind(): counts what its source keeps.
  ///
  /// @return false when the host keeps too much for the instance
  [[nodiscard]] bool count_kept_bytes() noexcept;
  void attach(std::unique_ptr<HostSource> source);
  /// Asks at once what the writing side has. From here on the readable end is the host's.
  void attach(std::unique_ptr<HostSink> sink);
  [[nodiscard]] HostSource* source() const noexcept { return source_.get(); }
  [[nodiscard]] HostSink* sink() const noexcept { return sink_.get(); }

  [[nodiscard]] std::optional<HostTrap> read(const Call& call, CopyEnd& end);
  [[nodiscard]] std::optional<HostTrap> write(const Call& call, CopyEnd& end);
  void cancel();
  /// One side goes: the other is told.
  void drop(CopyEnd::Side side);

  /// Moves what host ends can give or take now. On a fiber if wants_fiber().
  [[nodiscard]] std::optional<HostTrap> pump(const Call* call);
  [[nodiscard]] bool wants_fiber() const noexcept;
  /// pump() off the fibers too: where the guest's realloc is needed, later. A failure ends the
  /// guest.
  void pump_now();
  /// Has it pumped soon.
  void pump_later() noexcept;
  /// The event is over: lets go of everything and tells nobody but the host's ends.
  void abandon() noexcept;

  bool is_queued = false;  ///< for AsyncState: it will be pumped

 private:
  friend class CopyEnd;
  void reset_and_notify_pending(CopyResult result);
  [[nodiscard]] std::optional<HostTrap> meet(const Call& call, CopyEnd& src, CopyEnd& dst);
  [[nodiscard]] std::optional<HostTrap> ask_source(const Call& call, CopyEnd& reader, bool is_new);
  [[nodiscard]] std::optional<HostTrap> offer_sink(const Call& call, CopyEnd& writer, bool is_new);
  [[nodiscard]] std::optional<HostTrap> settle(CopyEnd& end, Progress progress, bool is_new);
  void pump_between_hosts();
  [[nodiscard]] bool finish_sink(bool is_aborted);
  void end_sink(bool is_aborted);
  /// To be called when one came or went.
  void count_host_ends() noexcept;

  AsyncState* state_;
  Kind kind_;
  const PayloadType* type_;
  bool dropped_ = false;
  bool is_pumping_ = false;
  std::uint8_t counted_ = 0;    ///< ends of the host, as state_ has them
  CopyEnd* pending_ = nullptr;  ///< whose copy waits for the other side
  std::unique_ptr<HostSource> source_;
  std::unique_ptr<HostSink> sink_;
  KeptBytes kept_;               ///< by source_
  LocalPtr<SharedStream> self_;  ///< while only its sink needs it
};

/// A readable end on its way: what a lifted `stream<T>` or `future<T>` is. Dropped unless it is
/// given on.
class ReadableHalf {
 public:
  ReadableHalf() = default;
  explicit ReadableHalf(LocalPtr<SharedStream> shared) noexcept : shared_(std::move(shared)) {}
  ReadableHalf(ReadableHalf&&) noexcept = default;
  ReadableHalf& operator=(ReadableHalf&& other) noexcept {
    if (this != &other) {
      drop();
      shared_ = std::move(other.shared_);
    }
    return *this;
  }
  ~ReadableHalf() { drop(); }

  [[nodiscard]] const LocalPtr<SharedStream>& shared() const noexcept { return shared_; }
  [[nodiscard]] LocalPtr<SharedStream> take() noexcept { return std::move(shared_); }
  void drop() noexcept;

 private:
  LocalPtr<SharedStream> shared_;
};

/// Takes the readable end out of the guest's table. Empty after a failure.
/// @spec definitions.py lift_async_value
[[nodiscard]] ReadableHalf lift_async_value(
    LiftContext& cx, std::uint32_t index, SharedStream::Kind kind, const PayloadType* type
);
/// The same for the host: of that element type.
[[nodiscard]] ReadableHalf lift_async_value(
    LiftContext& cx, std::uint32_t index, SharedStream::Kind kind, const HostElement& element
);
/// What a guest said of an error. Shared by all who have a handle of it.
using ErrorContextRef = std::shared_ptr<const std::string>;
/// @spec definitions.py lift_error_context
[[nodiscard]] ErrorContextRef lift_error_context(LiftContext& cx, std::uint32_t index);
/// @spec definitions.py lower_error_context
[[nodiscard]] std::uint32_t lower_error_context(LowerContext& cx, ErrorContextRef context);

/// Puts a readable end into the guest's table. @spec definitions.py lower_stream, lower_future
[[nodiscard]] std::uint32_t lower_async_value(LowerContext& cx, ReadableHalf half);

}  // namespace whorl::component
