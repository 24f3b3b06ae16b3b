// Ids for what was written without one.

#include "manifest/ids.hpp"
#include "manifest/manifest.hpp"

#include <fmt/format.h>

#include <map>
#include <set>
#include <utility>

namespace whorl::manifest {
namespace {

using Ids = std::set<std::string, std::less<>>;

/// Finds the first of `<stem>1`, `<stem>2`, … that is free. Ids are never given back, so each
/// search goes on where the last one of the same stem ended.
class Numbering {
 public:
  std::string next(const Ids& taken, const std::string& stem) {
    std::size_t& number = last_[stem];
    while (true) {
      std::string id = fmt::format("{}{}", stem, ++number);
      if (!taken.contains(id)) {
        return id;
      }
    }
  }

 private:
  std::map<std::string, std::size_t> last_;
};

std::string trigger_id(const Trigger& trigger, const Ids& taken, Numbering& numbering) {
  const std::string* component =
      trigger.component ? std::get_if<std::string>(&*trigger.component) : nullptr;
  if (component != nullptr) {
    std::string id = fmt::format("{}-{}-trigger", *component, trigger.type);
    if (!taken.contains(id)) {
      return id;
    }
  }
  return numbering.next(taken, trigger.type + "-trigger");
}

std::string inline_component_id(const Trigger& trigger, const Ids& taken, Numbering& numbering) {
  std::string id = trigger.id + "-component";
  if (why_no_component_id(id) || taken.contains(id)) {
    return numbering.next(taken, "inline-component");
  }
  return id;
}

}  // namespace

void normalise(Manifest& manifest) {
  Numbering numbering;
  Ids trigger_ids;
  for (const Trigger& trigger : manifest.triggers) {
    trigger_ids.insert(trigger.id);
  }
  for (Trigger& trigger : manifest.triggers) {
    if (trigger.id.empty()) {
      trigger.id = trigger_id(trigger, trigger_ids, numbering);
      trigger_ids.insert(trigger.id);
    }
  }
  Ids component_ids;
  for (const Component& component : manifest.components) {
    component_ids.insert(component.id);
  }
  for (Trigger& trigger : manifest.triggers) {
    auto* written_out = trigger.component ? std::get_if<Component>(&*trigger.component) : nullptr;
    if (written_out != nullptr) {
      Component component = std::move(*written_out);
      component.id = inline_component_id(trigger, component_ids, numbering);
      component_ids.insert(component.id);
      trigger.component = component.id;
      manifest.components.push_back(std::move(component));
    }
  }
}

}  // namespace whorl::manifest
