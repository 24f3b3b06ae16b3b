#include "manifest/nearest.hpp"

#include <algorithm>
#include <array>

namespace whorl::manifest {
namespace {
constexpr std::size_t kMaxWord = 64;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  if (a.size() > kMaxWord || b.size() > kMaxWord) {
    return std::max(a.size(), b.size());
  }
  // Three rows of the usual table are enough to see swaps of neighbours.
  using Row = std::array<std::size_t, kMaxWord + 1>;
  Row before_last{};
  Row last{};
  Row now{};
  for (std::size_t j = 0; j <= b.size(); ++j) {
    last[j] = j;
  }
  for (std::size_t i = 1; i <= a.size(); ++i) {
    now[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      now[j] = std::min({last[j] + 1, now[j - 1] + 1, last[j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        now[j] = std::min(now[j], before_last[j - 2] + 1);
      }
    }
    before_last = last;
    last = now;
  }
  return last[b.size()];
}

std::optional<std::string_view> nearest(
    std::string_view word, std::span<const std::string_view> candidates
) {
  std::optional<std::string_view> best;
  std::size_t best_distance = kMaxWord;
  for (const std::string_view candidate : candidates) {
    const std::size_t distance = edit_distance(word, candidate);
    const std::size_t longer = std::max(word.size(), candidate.size());
    if (distance < best_distance && distance <= std::max<std::size_t>(1, longer / 3)) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

}  // namespace whorl::manifest
