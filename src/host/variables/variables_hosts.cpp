#include "host/variables/variables_hosts.hpp"

#include "base/check.hpp"
#include "host/host_span.hpp"
#include "host/variables/names.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace whorl::host::variables {
namespace {

// In the order of Slots::slots.
constexpr std::array<const component::HostInterface*, kInterfaceCount> kInterfaces{
    &wit::fermyon_spin_variables::kInterface,
    &wit::spin_variables_variables::kInterface,
    &wit::fermyon_spin_config_v1::kInterface,
    &wit::wasi_config_store::kInterface,
};

constexpr std::size_t kShownNameBytes = 128;

/// A guest's text as part of a message to that guest.
std::string shown(std::string_view name) {
  return std::string(name.substr(0, kShownNameBytes));
}

/// The bytes of a UTF-8 text's first character.
std::string_view first_character(std::string_view text) {
  std::size_t size = 1;
  while (size < text.size() && (static_cast<unsigned char>(text[size]) & 0xC0U) == 0x80U) {
    ++size;
  }
  return text.substr(0, size);
}

/// What is wrong with a name that is none, in Spin's words.
std::string why_invalid(std::string_view name) {
  const auto is_allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  };
  const auto wrong = std::ranges::find_if_not(name, is_allowed);
  std::string why;
  if (name.empty()) {
    why = "must not be empty";
  } else if (wrong != name.end()) {
    why = fmt::format(
        "invalid character '{}'. Variable names may contain only lower-case letters, numbers, and "
        "underscores.",
        first_character(name.substr(static_cast<std::size_t>(wrong - name.begin())))
    );
  } else if (name.front() < 'a' || name.front() > 'z') {
    why = "must start with a lowercase ASCII letter";
  } else if (name.back() == '_') {
    why = "must end with a lowercase ASCII letter or digit";
  } else {
    why = "must not contain multiple consecutive underscores";
  }
  return fmt::format("\"{}\": {}", shown(name), why);
}

std::string why_undefined(const ComponentVariables& values, std::string_view name) {
  return fmt::format("no variable for \"{}\".\"{}\"", values.component(), shown(name));
}

constexpr SpanSite kGet{.name = "spin_variables.get"};
constexpr SpanSite kConfig{.name = "spin_config.get"};
constexpr SpanSite kStore{.name = "wasi_config.get"};
constexpr SpanSite kStoreAll{.name = "wasi_config.get_all"};

/// What every way to a value has in common. @param value  null: there is no such variable
void note_lookup(HostSpan& span, std::string_view name, const Result<std::string>* value) {
  span.set("key", name);
  if (value == nullptr || !*value) {
    span.note_failure(value == nullptr ? ErrorKind::NotFound : value->error().kind());
  }
}

/// The span of an interface that asks another one.
void note_inner_lookup(HostSpan& outer, std::string_view name, const Result<std::string>* value) {
  outer.set("key", name);
  HostSpan inner(kGet, outer);
  note_lookup(inner, name, value);
}

/// Both interfaces of Spin have the same errors.
template <class TheirError>
std::expected<std::string, TheirError> find_variable(
    const ComponentVariables& values, std::string_view name
) {
  HostSpan span(kGet);
  if (!is_variable_name(name)) {
    span.set("key", name).note_failure(ErrorKind::InvalidInput);
    return std::unexpected(TheirError::invalid_name(why_invalid(name)));
  }
  const Result<std::string>* value = values.find(name);
  note_lookup(span, name, value);
  if (value == nullptr) {
    return std::unexpected(TheirError::undefined(why_undefined(values, name)));
  }
  if (!*value) {
    return std::unexpected(TheirError::provider(value->error().message()));
  }
  return **value;
}

}  // namespace

Slots register_variables(component::HostRegistry& registry) {
  Slots registered;
  for (std::size_t i = 0; i < kInterfaceCount; ++i) {
    registered.slots[i] = registry.add(*kInterfaces[i]);
  }
  return registered;
}

component::HostResult<std::expected<std::string, wit::fermyon_spin_variables::Error>>
VariablesHost::get(component::Call&, std::string_view name) {
  return find_variable<wit::fermyon_spin_variables::Error>(values_, name);
}

component::HostResult<std::expected<std::string, wit::spin_variables_variables::Error>>
Variables3Host::get(component::Call&, std::string name) {
  return find_variable<wit::spin_variables_variables::Error>(values_, name);
}

component::HostResult<std::expected<std::string, wit::fermyon_spin_config_v1::Error>>
ConfigHost::get_config(component::Call&, std::string_view key) {
  using Error = wit::fermyon_spin_config_v1::Error;
  using Answer = std::expected<std::string, Error>;
  HostSpan span(kConfig);
  if (!is_variable_name(key)) {
    span.set("key", key).note_failure(ErrorKind::InvalidInput);
    return Answer(std::unexpect, Error::invalid_key(why_invalid(key)));
  }
  const Result<std::string>* value = values_.find(key);
  note_inner_lookup(span, key, value);
  if (value == nullptr) {
    return Answer(std::unexpect, Error::provider(why_undefined(values_, key)));
  }
  if (!*value) {
    return Answer(std::unexpect, Error::other(value->error().message()));
  }
  return **value;
}

component::HostResult<std::expected<std::optional<std::string>, wit::wasi_config_store::Error>>
StoreHost::get(component::Call&, std::string_view key) {
  using Answer = std::expected<std::optional<std::string>, wit::wasi_config_store::Error>;
  HostSpan span(kStore);
  const Result<std::string>* value = values_.find(key);
  note_inner_lookup(span, key, value);
  if (value == nullptr) {
    return std::optional<std::string>();
  }
  if (!*value) {
    return Answer(std::unexpect, wit::wasi_config_store::Error::upstream(value->error().message()));
  }
  return std::optional<std::string>(**value);
}

component::HostResult<
    std::expected<std::vector<std::tuple<std::string, std::string>>, wit::wasi_config_store::Error>>
StoreHost::get_all(component::Call&) {
  using Answer = std::
      expected<std::vector<std::tuple<std::string, std::string>>, wit::wasi_config_store::Error>;
  HostSpan span(kStoreAll);
  std::vector<std::tuple<std::string, std::string>> out;
  for (const auto& [name, value] : values_.all()) {
    if (!value) {
      span.note_failure(value.error().kind());
      return Answer(
          std::unexpect, wit::wasi_config_store::Error::upstream(value.error().message())
      );
    }
    out.emplace_back(name, *value);
  }
  return out;
}

Hosts::Hosts(std::shared_ptr<const ComponentVariables> values)
    : values_(std::move(values)),
      variables_(*values_),
      variables3_(*values_),
      config_(*values_),
      store_(*values_) {}

void Hosts::fill(const Slots& slots, std::span<void*> hosts) {
  // The thunks of an interface expect a pointer to its Host class.
  const std::array<void*, kInterfaceCount> objects{
      static_cast<wit::fermyon_spin_variables::Host*>(&variables_),
      static_cast<wit::spin_variables_variables::Host*>(&variables3_),
      static_cast<wit::fermyon_spin_config_v1::Host*>(&config_),
      static_cast<wit::wasi_config_store::Host*>(&store_),
  };
  for (std::size_t i = 0; i < kInterfaceCount; ++i) {
    WHORL_CHECK(slots.slots[i] < hosts.size(), "a host slot beyond the registry");
    hosts[slots.slots[i]] = objects[i];
  }
}

}  // namespace whorl::host::variables
