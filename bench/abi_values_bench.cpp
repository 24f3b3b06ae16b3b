// What lifting and lowering cost, without a guest that runs: each shape by the compile-time path,
// by the interpreter, and by hand on the same data (bounds, alignment and text checked as the
// canonical ABI wants).
//
//   whorl_abi_bench --benchmark_filter='Lift|Lower|Pass'
#include "abi_bench_shapes.hpp"

#include <benchmark/benchmark.h>

#include <string>
#include <utility>
#include <vector>

namespace whorl::component {
namespace {

using namespace bench;
using engine::RawVal;

// --- strings -------------------------------------------------------------------------------------

std::string text_of(std::size_t size) {
  return std::string(size, 'x');
}

void LiftStringByHand(benchmark::State& state) {
  Source<std::string_view> guest{text_of(static_cast<std::size_t>(state.range(0)))};
  for (auto _ : state) {
    benchmark::DoNotOptimize(hand_text(guest.heap.memory(), guest.slots[0].u32, guest.slots[1].u32)
    );
  }
}
void LiftStringTyped(benchmark::State& state) {
  Source<std::string_view> guest{text_of(static_cast<std::size_t>(state.range(0)))};
  for (auto _ : state) {
    LiftContext cx(guest.heap.memory(), guest.handles);
    benchmark::DoNotOptimize(Abi<std::string_view>::lift_flat(cx, guest.slots.data()));
    benchmark::DoNotOptimize(cx.failed());
  }
}
void LiftStringInterpreted(benchmark::State& state) {
  Source<std::string_view> guest{text_of(static_cast<std::size_t>(state.range(0)))};
  for (auto _ : state) {
    LiftContext cx(guest.heap.memory(), guest.handles);
    cx.allow_views(guest.heap);
    benchmark::DoNotOptimize(lift_flat(cx, guest.slots.data(), layout_of<std::string_view>()));
  }
}

void LowerStringByHand(benchmark::State& state) {
  const std::string text = text_of(static_cast<std::size_t>(state.range(0)));
  Heap guest(1 << 16);
  GuestHeap& heap = opaque(guest);
  for (auto _ : state) {
    guest.rewind();
    benchmark::DoNotOptimize(hand_lower_text(heap, text));
  }
}
void LowerStringTyped(benchmark::State& state) {
  const std::string text = text_of(static_cast<std::size_t>(state.range(0)));
  Heap guest(1 << 16);
  GuestHeap& heap = opaque(guest);
  HandleTable handles;
  RawVal slots[2];
  for (auto _ : state) {
    guest.rewind();
    LowerContext cx(heap, handles);
    Abi<std::string_view>::lower_flat(cx, text, slots);
    benchmark::DoNotOptimize(slots);
  }
}
void LowerStringInterpreted(benchmark::State& state) {
  Heap guest(1 << 16);
  GuestHeap& heap = opaque(guest);
  HandleTable handles;
  RawVal slots[2];
  Value value = Value::string(text_of(static_cast<std::size_t>(state.range(0))));
  for (auto _ : state) {
    guest.rewind();
    LowerContext cx(heap, handles);
    lower_flat(cx, value, layout_of<std::string_view>(), slots);
    benchmark::DoNotOptimize(slots);
  }
}

// --- a mebibyte from one guest to another --------------------------------------------------------

void PassMebibyteMemcpy(benchmark::State& state) {
  Source<ByteView> guest{Bytes(kMiB, 7), 2 * kMiB};
  Heap other(2 * kMiB);
  for (auto _ : state) {
    other.rewind();
    const ByteView memory = guest.heap.memory();
    const std::uint8_t* at = hand_range(memory, guest.slots[0].u32, guest.slots[1].u32, 1);
    const std::uint32_t ptr = hand_allocate(opaque(other), kMiB, 1);
    std::uint8_t* to = other.memory().data() + ptr;
    benchmark::DoNotOptimize(to);
    std::memcpy(to, at, kMiB);
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * kMiB);
}
void PassMebibyteTyped(benchmark::State& state) {
  Source<ByteView> guest{Bytes(kMiB, 7), 2 * kMiB};
  Heap other(2 * kMiB);
  RawVal slots[2];
  for (auto _ : state) {
    other.rewind();
    LiftContext lift(guest.heap.memory(), guest.handles);
    LowerContext lower(other, guest.handles);
    const ByteView bytes = Abi<ByteView>::lift_flat(lift, guest.slots.data());
    Abi<ByteView>::lower_flat(lower, bytes, slots);
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * kMiB);
}
void PassMebibyteInterpreted(benchmark::State& state) {
  Source<ByteView> guest{Bytes(kMiB, 7), 2 * kMiB};
  Heap other(2 * kMiB);
  RawVal slots[2];
  const TypeLayout& layout = layout_of<ByteView>();
  for (auto _ : state) {
    other.rewind();
    LiftContext lift(guest.heap.memory(), guest.handles);
    lift.allow_views(guest.heap);
    LowerContext lower(other, guest.handles);
    Value value = lift_flat(lift, guest.slots.data(), layout);
    lower_flat(lower, value, layout, slots);
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * kMiB);
}

// --- a hundred records, a hundred variants -------------------------------------------------------

void LiftRecordsByHand(benchmark::State& state) {
  Source<std::vector<Row>> guest{rows()};
  for (auto _ : state) {
    const ByteView memory = guest.heap.memory();
    const std::uint32_t length = guest.slots[1].u32;
    const std::uint8_t* at = hand_range(memory, guest.slots[0].u32, std::uint64_t{length} * 32, 8);
    std::vector<Row> out;
    out.reserve(length);
    for (std::uint32_t i = 0; i < length; ++i, at += 32) {
      out.push_back(
          {read<std::uint32_t>(at),
           read<std::uint64_t>(at + 8),
           at[16] != 0,
           std::string(hand_text(memory, read<std::uint32_t>(at + 20), read<std::uint32_t>(at + 24))
           )}
      );
    }
    benchmark::DoNotOptimize(out.data());
  }
}
void LowerRecordsByHand(benchmark::State& state) {
  const std::vector<Row> list = rows();
  Heap guest(1 << 16);
  GuestHeap& heap = opaque(guest);
  for (auto _ : state) {
    guest.rewind();
    const std::uint32_t ptr = hand_allocate(heap, kRows * 32, 8);
    std::uint32_t offset = ptr;
    for (const Row& row : list) {
      write(heap.memory().data() + offset, row.id);
      write(heap.memory().data() + offset + 8, row.when);
      write<std::uint8_t>(heap.memory().data() + offset + 16, row.is_new ? 1 : 0);
      const std::uint32_t text = hand_lower_text(heap, row.name);
      write(heap.memory().data() + offset + 20, text);
      write(heap.memory().data() + offset + 24, static_cast<std::uint32_t>(row.name.size()));
      offset += 32;
    }
    benchmark::DoNotOptimize(ptr);
  }
}

Shape hand_shape(const std::uint8_t* at) {
  switch (at[0]) {
    case 0:
      return {Shape::Tag::Nothing, {}};
    case 1:
      return {Shape::Tag::Circle, read<double>(at + 8)};
    case 2:
      return {Shape::Tag::Square, Shape::Sides{read<float>(at + 8), read<float>(at + 12)}};
    case 3:
      return {Shape::Tag::Label, read<std::uint32_t>(at + 8)};
    default:
      stop("discriminant");
  }
}
void LiftVariantsByHand(benchmark::State& state) {
  Source<std::vector<Shape>> guest{shapes()};
  for (auto _ : state) {
    const std::uint32_t length = guest.slots[1].u32;
    const std::uint8_t* at =
        hand_range(guest.heap.memory(), guest.slots[0].u32, std::uint64_t{length} * 16, 8);
    std::vector<Shape> out;
    out.reserve(length);
    for (std::uint32_t i = 0; i < length; ++i) {
      out.push_back(hand_shape(at + std::size_t{i} * 16));
    }
    benchmark::DoNotOptimize(out.data());
  }
}
void LowerVariantsByHand(benchmark::State& state) {
  const std::vector<Shape> list = shapes();
  Heap guest(1 << 16);
  GuestHeap& heap = opaque(guest);
  for (auto _ : state) {
    guest.rewind();
    const std::uint32_t ptr = hand_allocate(heap, kRows * 16, 8);
    std::uint8_t* at = heap.memory().data() + ptr;
    for (const Shape& shape : list) {
      at[0] = static_cast<std::uint8_t>(shape.tag);
      if (const auto* radius = std::get_if<double>(&shape.payload)) {
        write(at + 8, *radius);
      } else if (const auto* sides = std::get_if<Shape::Sides>(&shape.payload)) {
        write(at + 8, std::get<0>(*sides));
        write(at + 12, std::get<1>(*sides));
      } else if (const auto* label = std::get_if<std::uint32_t>(&shape.payload)) {
        write(at + 8, *label);
      }
      at += 16;
    }
    benchmark::DoNotOptimize(ptr);
  }
}

template <class T>
void lift_typed(benchmark::State& state, T list) {
  Source<T> guest{std::move(list)};
  for (auto _ : state) {
    LiftContext cx(guest.heap.memory(), guest.handles);
    T out = Abi<T>::lift_flat(cx, guest.slots.data());
    benchmark::DoNotOptimize(out.data());
  }
}
template <class T>
void lift_interpreted(benchmark::State& state, T list) {
  Source<T> guest{std::move(list)};
  const TypeLayout& layout = layout_of<T>();
  for (auto _ : state) {
    LiftContext cx(guest.heap.memory(), guest.handles);
    cx.allow_views(guest.heap);
    benchmark::DoNotOptimize(lift_flat(cx, guest.slots.data(), layout));
  }
}
template <class T>
void lower_typed(benchmark::State& state, T list) {
  Heap guest(1 << 16);
  GuestHeap& heap = opaque(guest);
  HandleTable handles;
  RawVal slots[2];
  for (auto _ : state) {
    guest.rewind();
    LowerContext cx(heap, handles);
    Abi<T>::lower_flat(cx, list, slots);
    benchmark::DoNotOptimize(slots);
  }
}
template <class T>
void lower_interpreted(benchmark::State& state, T list) {
  Source<T> source{std::move(list)};
  Heap guest(1 << 16);
  GuestHeap& heap = opaque(guest);
  RawVal slots[2];
  const TypeLayout& layout = layout_of<T>();
  LiftContext lift(source.heap.memory(), source.handles);
  lift.allow_views(source.heap);
  Value value = lift_flat(lift, source.slots.data(), layout);
  for (auto _ : state) {
    guest.rewind();
    LowerContext cx(heap, source.handles);
    lower_flat(cx, value, layout, slots);
    benchmark::DoNotOptimize(slots);
  }
}

void LiftRecordsTyped(benchmark::State& state) {
  lift_typed(state, rows());
}
void LiftRecordsInterpreted(benchmark::State& state) {
  lift_interpreted(state, rows());
}
void LowerRecordsTyped(benchmark::State& state) {
  lower_typed(state, rows());
}
void LowerRecordsInterpreted(benchmark::State& state) {
  lower_interpreted(state, rows());
}
void LiftVariantsTyped(benchmark::State& state) {
  lift_typed(state, shapes());
}
void LiftVariantsInterpreted(benchmark::State& state) {
  lift_interpreted(state, shapes());
}
void LowerVariantsTyped(benchmark::State& state) {
  lower_typed(state, shapes());
}
void LowerVariantsInterpreted(benchmark::State& state) {
  lower_interpreted(state, shapes());
}

// A host method that borrows its resource: looked up, or lent until the context ends.
void LiftBorrow(benchmark::State& state) {
  class Thing : public HostResource {};
  static constexpr ResourceTag kTag{"bench:abi/host", "thing"};
  HandleTable handles;
  const std::uint32_t index = *handles.add(kTag, std::make_unique<Thing>());
  const auto lending = state.range(0) != 0 ? Lending::Lend : Lending::Lookup;
  for (auto _ : state) {
    LiftContext cx({}, handles, lending);
    benchmark::DoNotOptimize(cx.lift_borrow(index, kTag));
  }
}

BENCHMARK(LiftBorrow)->Arg(0)->Arg(1);
BENCHMARK(LiftStringByHand)->Arg(12)->Arg(1024);
BENCHMARK(LiftStringTyped)->Arg(12)->Arg(1024);
BENCHMARK(LiftStringInterpreted)->Arg(12)->Arg(1024);
BENCHMARK(LowerStringByHand)->Arg(12)->Arg(1024);
BENCHMARK(LowerStringTyped)->Arg(12)->Arg(1024);
BENCHMARK(LowerStringInterpreted)->Arg(12)->Arg(1024);
BENCHMARK(PassMebibyteMemcpy);
BENCHMARK(PassMebibyteTyped);
BENCHMARK(PassMebibyteInterpreted);
BENCHMARK(LiftRecordsByHand);
BENCHMARK(LiftRecordsTyped);
BENCHMARK(LiftRecordsInterpreted);
BENCHMARK(LowerRecordsByHand);
BENCHMARK(LowerRecordsTyped);
BENCHMARK(LowerRecordsInterpreted);
BENCHMARK(LiftVariantsByHand);
BENCHMARK(LiftVariantsTyped);
BENCHMARK(LiftVariantsInterpreted);
BENCHMARK(LowerVariantsByHand);
BENCHMARK(LowerVariantsTyped);
BENCHMARK(LowerVariantsInterpreted);

}  // namespace
}  // namespace whorl::component
