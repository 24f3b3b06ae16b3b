/// Internal to engine/: what a Module and an InstancePre hold.
#pragma once

#include "engine/capi.hpp"
#include "engine/module.hpp"
#include "engine/store.hpp"

namespace whorl::engine {

struct Module::Impl {
  capi::Module module;
};

struct InstancePre::Impl {
  capi::InstancePre pre;
};

}  // namespace whorl::engine
