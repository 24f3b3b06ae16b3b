#include "doctor/upgrade.hpp"

#include "fs/file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string_view>
#include <vector>

namespace whorl::doctor {
namespace {

using manifest::Component;
using manifest::FileGrant;

/// A basic string. @spec TOML 1.0 "String"
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += fmt::format("\\u{:04X}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string key(std::string_view name) {
  const bool is_bare = !name.empty() && std::ranges::all_of(name, [](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '_';
  });
  return is_bare ? std::string(name) : quoted(name);
}

template <class List, class Text>
std::string list_of(const List& items, Text text) {
  std::string out;
  for (const auto& item : items) {
    out += (out.empty() ? "" : ", ") + text(item);
  }
  return "[" + out + "]";
}

std::string texts(const std::vector<std::string>& items) {
  return list_of(items, [](const std::string& item) { return quoted(item); });
}

std::string inline_table(const std::map<std::string, std::string>& members) {
  std::string out;
  for (const auto& [name, value] : members) {
    out += fmt::format("{}{} = {}", out.empty() ? "" : ", ", key(name), quoted(value));
  }
  return "{ " + out + " }";
}

std::string number(double value) {
  if (std::isnan(value)) {
    return "nan";
  }
  if (std::isinf(value)) {
    return value < 0 ? "-inf" : "inf";
  }
  std::string out = fmt::format("{}", value);
  return out.find_first_of(".e") == std::string::npos ? out + ".0" : out;
}

std::string value_text(const app::Value& value) {
  if (const bool* flag = value.as_bool()) {
    return *flag ? "true" : "false";
  }
  if (const std::int64_t* integer = value.as_integer()) {
    return std::to_string(*integer);
  }
  if (const double* real = value.as_double()) {
    return number(*real);
  }
  if (const std::string* text = value.as_string()) {
    return quoted(*text);
  }
  if (const auto* array = value.as_array()) {
    return list_of(*array, value_text);
  }
  std::string out;
  if (const auto* table = value.as_table()) {
    for (const app::Member& member : *table) {
      out += fmt::format(
          "{}{} = {}", out.empty() ? "" : ", ", key(member.name), value_text(member.value)
      );
    }
  }
  return out.empty() ? "{}" : "{ " + out + " }";
}

class Writer {
 public:
  [[nodiscard]] std::string write(const manifest::Manifest& manifest) && {
    out_ = "spin_manifest_version = 2\n";
    head("[application]");
    line("name", quoted(manifest.name));
    text_line("version", manifest.app_version);
    text_line("description", manifest.description);
    if (!manifest.authors.empty()) {
      line("authors", texts(manifest.authors));
    }
    globals(manifest.trigger_globals);
    variables(manifest.variables);
    for (const manifest::Trigger& each : manifest.triggers) {
      trigger(each);
    }
    components(manifest.components);
    return std::move(out_);
  }

 private:
  void head(std::string_view title) { out_ += fmt::format("\n{}\n", title); }
  void line(std::string_view name, std::string_view value) {
    out_ += fmt::format("{} = {}\n", name, value);
  }
  void text_line(std::string_view name, const std::string& value) {
    if (!value.empty()) {
      line(name, quoted(value));
    }
  }
  void table(const app::Value& members) {
    if (const auto* list = members.as_table()) {
      for (const app::Member& member : *list) {
        line(key(member.name), value_text(member.value));
      }
    }
  }

  void globals(const app::Value& types) {
    const auto* list = types.as_table();
    if (list == nullptr) {
      return;
    }
    for (const app::Member& type : *list) {
      if (const auto* members = type.value.as_table(); members != nullptr && !members->empty()) {
        head(fmt::format("[application.trigger.{}]", key(type.name)));
        table(type.value);
      }
    }
  }

  void variables(const std::vector<manifest::Variable>& all) {
    if (!all.empty()) {
      head("[variables]");
    }
    for (const manifest::Variable& variable : all) {
      std::vector<std::string> parts;
      if (variable.description) {
        parts.push_back("description = " + quoted(*variable.description));
      }
      if (variable.is_required) {
        parts.emplace_back("required = true");
      }
      if (variable.default_value) {
        parts.push_back("default = " + quoted(*variable.default_value));
      }
      if (variable.is_secret) {
        parts.emplace_back("secret = true");
      }
      line(key(variable.name), fmt::format("{{ {} }}", fmt::join(parts, ", ")));
    }
  }

  void trigger(const manifest::Trigger& trigger) {
    head(fmt::format("[[trigger.{}]]", key(trigger.type)));
    text_line("id", trigger.id);
    if (trigger.component) {
      line("component", quoted(std::get<std::string>(*trigger.component)));
    }
    table(trigger.config);
  }

  /// Of components of one id only the last counts in version 1, and may stand in version 2.
  void components(const std::vector<Component>& all) {
    std::set<std::string_view> later;
    std::vector<const Component*> kept;
    for (auto at = all.rbegin(); at != all.rend(); ++at) {
      if (later.insert(at->id).second) {
        kept.push_back(&*at);
      }
    }
    for (auto at = kept.rbegin(); at != kept.rend(); ++at) {
      component(**at);
    }
  }

  void component(const Component& component) {
    head(fmt::format("[component.{}]", key(component.id)));
    line("source", source(component.source));
    text_line("description", component.description);
    map_line("variables", component.variables);
    map_line("environment", component.environment);
    if (!component.files.empty()) {
      line("files", list_of(component.files, file));
    }
    list_line("exclude_files", component.exclude_files);
    list_line("allowed_outbound_hosts", component.allowed_outbound_hosts);
    list_line("key_value_stores", component.key_value_stores);
    list_line("sqlite_databases", component.sqlite_databases);
    list_line("ai_models", component.ai_models);
    if (component.build) {
      build(component.id, *component.build);
    }
  }

  void build(const std::string& id, const manifest::BuildConfig& build) {
    head(fmt::format("[component.{}.build]", key(id)));
    const bool is_single = !build.is_list && build.commands.size() == 1;
    line("command", is_single ? quoted(build.commands.front()) : texts(build.commands));
    text_line("workdir", build.workdir);
    list_line("watch", build.watch);
  }

  void map_line(std::string_view name, const std::map<std::string, std::string>& members) {
    if (!members.empty()) {
      line(name, inline_table(members));
    }
  }
  void list_line(std::string_view name, const std::vector<std::string>& items) {
    if (!items.empty()) {
      line(name, texts(items));
    }
  }

  static std::string source(const manifest::ComponentSource& source) {
    if (const auto* local = std::get_if<manifest::LocalSource>(&source)) {
      return quoted(local->path);
    }
    if (const auto* remote = std::get_if<manifest::RemoteSource>(&source)) {
      return fmt::format(
          "{{ url = {}, digest = {} }}", quoted(remote->url), quoted(remote->digest)
      );
    }
    const auto& package = std::get<manifest::PackageSource>(source);
    return fmt::format(
        "{{ {}package = {}, version = {} }}",
        package.registry.empty() ? "" : "registry = " + quoted(package.registry) + ", ",
        quoted(package.package),
        quoted(package.version)
    );
  }
  static std::string file(const FileGrant& file) {
    return file.destination ? fmt::format(
                                  "{{ source = {}, destination = {} }}",
                                  quoted(file.source),
                                  quoted(*file.destination)
                              )
                            : quoted(file.source);
  }

  std::string out_;
};

}  // namespace

std::string to_version_2(const manifest::Manifest& manifest) {
  return Writer().write(manifest);
}

Result<void> upgrade_manifest(const std::string& manifest_path) {
  WHORL_TRY(const Bytes bytes, fs::read_file(manifest_path, manifest::kMaxManifestBytes));
  WHORL_TRY(const manifest::Manifest old, manifest::parse_manifest(as_text(bytes), manifest_path));
  WHORL_CHECKED(fs::write_file_atomic(manifest_path + ".v1_backup", bytes));
  return fs::write_file_atomic(manifest_path, as_bytes(to_version_2(old)));
}

}  // namespace whorl::doctor
