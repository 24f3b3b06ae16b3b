#include "app/locked_app.hpp"

#include <algorithm>

namespace whorl::app {

const Component* LockedApp::find_component(std::string_view id) const noexcept {
  const auto found = std::ranges::find(components, id, &Component::id);
  return found == components.end() ? nullptr : &*found;
}

}  // namespace whorl::app
