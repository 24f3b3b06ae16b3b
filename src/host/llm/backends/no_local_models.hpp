/// What stands where models would be run on this machine: there is no inference of our own.
#pragma once

#include "host/llm/models.hpp"

#include <memory>

namespace whorl::host::llm {

/// Answers everything with the text of a Spin that was built without local inference.
[[nodiscard]] std::shared_ptr<Models> make_no_local_models();

}  // namespace whorl::host::llm
