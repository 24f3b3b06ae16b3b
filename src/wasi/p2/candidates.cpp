#include "wasi/p2/candidates.hpp"

#include "wasi/p2/candidate_table.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

namespace whorl::wasi::p2 {
namespace {

std::vector<component::HostFunction>
functions_in(const CandidateTable& table, const component::HostInterface& interface) {
  const std::string_view name = interface.name;
  std::vector<component::HostFunction> out;
  for (const component::HostFunction& function : interface.functions) {
    const auto change = std::ranges::find_if(table.functions, [&](const Change& each) {
      return each.interface == name && each.name == function.name;
    });
    if (change == table.functions.end()) {
      out.push_back(function);
    } else if (change->candidate_name != nullptr) {
      out.push_back(change->instead.thunk != nullptr ? change->instead : function);
      out.back().name = change->candidate_name;
    }
  }
  for (const Change& change : table.functions) {
    if (change.interface == name && change.name.empty()) {
      out.push_back(change.instead);
      out.back().name = change.candidate_name;
    }
  }
  return out;
}

std::vector<component::HostResourceDesc>
resources_in(const CandidateTable& table, const component::HostInterface& interface) {
  std::vector<component::HostResourceDesc> out(
      interface.resources.begin(), interface.resources.end()
  );
  for (const ResourceChange& change : table.resources) {
    if (change.interface != interface.name) {
      continue;
    }
    std::erase_if(out, [&](const auto& each) { return each.tag == change.without; });
    if (change.with.tag != nullptr) {
      out.push_back(change.with);
    }
  }
  return out;
}

struct Made {
  std::vector<component::HostFunction> functions;
  std::vector<component::HostResourceDesc> resources;
  component::HostInterface interface;
};

}  // namespace

const component::HostInterface&
in_candidate(Candidate candidate, const component::HostInterface& interface) {
  static std::mutex mutex;
  static std::map<std::pair<Candidate, const component::HostInterface*>, Made> all;
  const std::scoped_lock lock(mutex);
  const auto [at, is_new] = all.try_emplace(std::pair(candidate, &interface));
  Made& made = at->second;
  if (is_new) {
    const CandidateTable& table =
        candidate == Candidate::October2023 ? october_table() : november_table();
    made.functions = functions_in(table, interface);
    made.resources = resources_in(table, interface);
    made.interface = {interface.name, table.version, made.functions, made.resources};
  }
  return made.interface;
}

}  // namespace whorl::wasi::p2
