/// A mutator that knows how components are nested: the bytes of one section change, and the sizes
/// of all that it stands in are written anew. Without it almost every insertion breaks the
/// outermost length, and nothing behind it is ever looked at.
///
/// Included by the one file of a fuzz target. @thread the fuzzer's
#pragma once

#include "base/bytes.hpp"
#include "component/reader.hpp"
#include "component/wasm_writer.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

// lint: libFuzzer's own name.
extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace whorl::component::fuzzing {

/// A section, or the whole file: either bytes, or a preamble and sections.
struct Node {
  std::uint8_t id = 0;
  Bytes bytes;  ///< of a leaf; the preamble otherwise
  std::vector<Node> sections;
};

inline constexpr std::size_t kPreambleBytes = 8;
inline constexpr int kMaxDepth = 20;

/// Reads as much as has the form of sections; the rest becomes one leaf.
inline Node read_node(std::uint8_t id, ByteView bytes, int depth) {
  Node out;
  out.id = id;
  Reader in(bytes);
  const auto preamble = in.take(kPreambleBytes, "a preamble");
  constexpr std::uint8_t kMagic[] = {0, 'a', 's', 'm'};
  if (depth > kMaxDepth || !preamble || !std::equal(kMagic, kMagic + 4, preamble->begin())) {
    out.bytes.assign(bytes.begin(), bytes.end());
    return out;
  }
  out.bytes.assign(preamble->begin(), preamble->end());
  const bool is_component = (*preamble)[4] == 0x0d;
  while (!in.at_end()) {
    const auto section_id = in.byte("a section");
    const auto size = in.u32("its size");
    if (!section_id || !size) {
      break;
    }
    const auto body = in.take(std::min<std::uint64_t>(*size, in.remaining()), "its body");
    const bool nests = is_component && (*section_id == 1 || *section_id == 4);
    out.sections.push_back(
        nests ? read_node(*section_id, *body, depth + 1)
              : Node{*section_id, Bytes(body->begin(), body->end()), {}}
    );
  }
  return out;
}

inline void write_node(const Node& node, Bytes& out) {
  append_bytes(out, node.bytes);
  for (const Node& section : node.sections) {
    Bytes body;
    write_node(section, body);
    append_section(out, section.id, body);
  }
}

inline void collect(Node& node, std::vector<Node*>& out) {
  out.push_back(&node);
  for (Node& section : node.sections) {
    collect(section, out);
  }
}

/// One change somewhere in the tree.
inline void change(Node& root, std::minstd_rand& random) {
  std::vector<Node*> nodes;
  collect(root, nodes);
  Node& node = *nodes[random() % nodes.size()];
  const std::size_t count = node.sections.size();
  switch (count == 0 ? 0 : random() % 6) {
    case 1:  // twice
      node.sections.insert(
          node.sections.begin() + static_cast<std::ptrdiff_t>(random() % (count + 1)),
          Node(node.sections[random() % count])
      );
      return;
    case 2:
      node.sections.erase(node.sections.begin() + static_cast<std::ptrdiff_t>(random() % count));
      return;
    case 3:
      std::swap(node.sections[random() % count], node.sections[random() % count]);
      return;
    case 4:  // from somewhere else
      node.sections.insert(
          node.sections.begin() + static_cast<std::ptrdiff_t>(random() % (count + 1)),
          Node(*nodes[random() % nodes.size()])
      );
      return;
    default: {
      Node& leaf = count == 0 ? node : node.sections[random() % count];
      constexpr std::size_t kGrowth = 64;
      Bytes changed = leaf.bytes;
      changed.resize(leaf.bytes.size() + kGrowth);
      changed.resize(LLVMFuzzerMutate(changed.data(), leaf.bytes.size(), changed.size()));
      leaf.bytes = std::move(changed);
      return;
    }
  }
}

inline std::size_t mutate(
    std::uint8_t* data, std::size_t size, std::size_t max_size, unsigned int seed
) {
  std::minstd_rand random(seed);
  constexpr unsigned kOnePlainIn = 8;
  if (random() % kOnePlainIn == 0) {
    return LLVMFuzzerMutate(data, size, max_size);
  }
  Node root = read_node(0, ByteView(data, size), 0);
  change(root, random);
  Bytes out;
  write_node(root, out);
  if (out.empty() || out.size() > max_size) {
    return LLVMFuzzerMutate(data, size, max_size);
  }
  std::memcpy(data, out.data(), out.size());
  return out.size();
}

}  // namespace whorl::component::fuzzing
