#include "cli/arguments.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace whorl::cli {
namespace {

constexpr double kLikeEnough = 0.7;

/// Reads the arguments from left to right.
class Scanner {
 public:
  Scanner(
      std::span<const std::string_view> arguments,
      std::span<const FlagSpec> table,
      std::string_view own_usage
  )
      : arguments_(arguments), table_(table), own_usage_(own_usage) {}

  /// How far the arguments are flags of the table and their values.
  std::size_t prefix() {
    while (at_ < arguments_.size()) {
      const std::size_t begin = at_;
      const std::string_view argument = arguments_[at_];
      const bool is_flag = argument.size() > 1 && argument.starts_with('-') && argument != "--";
      if (!is_flag || !is_known_flag(argument)) {
        return begin;
      }
      ++at_;
      argument.starts_with("--") ? take_long(argument) : take_cluster(argument);
    }
    return at_;
  }

  ScannedArguments run() {
    while (at_ < arguments_.size()) {
      const std::string_view argument = arguments_[at_++];
      if (argument == "--") {
        take_rest();
      } else if (argument.starts_with("--")) {
        take_long(argument);
      } else if (argument.size() > 1 && argument.starts_with('-')) {
        take_cluster(argument);
      } else {
        pass_on(argument);
        forward(argument);
        unexpected(argument);
      }
    }
    return std::move(out_);
  }

 private:
  [[nodiscard]] const FlagSpec* find_long(std::string_view name) const {
    const auto found = std::ranges::find_if(table_, [&](const FlagSpec& spec) {
      return spec.name == name ||
             (!name.empty() && std::ranges::find(spec.aliases, name) != spec.aliases.end());
    });
    return found == table_.end() ? nullptr : &*found;
  }

  [[nodiscard]] const FlagSpec* find_letter(char letter) const {
    const auto found = std::ranges::find(table_, letter, &FlagSpec::letter);
    return found == table_.end() ? nullptr : &*found;
  }

  [[nodiscard]] bool is_known_flag(std::string_view argument) const {
    if (argument.starts_with("--")) {
      const std::string_view name = argument.substr(2);
      return find_long(name.substr(0, name.find('='))) != nullptr;
    }
    return find_letter(argument[1]) != nullptr;
  }

  void fail(FlagSpec::Owner owner, UsageError error) {
    auto& slot = owner == FlagSpec::Owner::Up ? out_.up_error : out_.trigger_error;
    if (!slot) {
      slot = std::move(error);
    }
  }

  /// The first argument that is not `up`'s own decides whether something was forgotten.
  void pass_on(std::string_view argument) {
    if (!passed_on_) {
      passed_on_ = true;
      if (!argument.starts_with('-')) {
        out_.stray = std::string(argument);
      }
    }
  }

  void forward(std::string_view argument) { out_.passed_on.emplace_back(argument); }

  void unexpected(std::string_view argument) {
    std::string tip;
    if (!is_rest_ && argument.starts_with("--")) {
      tip = similar_to(argument.substr(2));
    }
    fail(
        FlagSpec::Owner::Trigger,
        {.message = fmt::format("unexpected argument '{}' found{}", argument, tip),
         .usage = std::string(kTriggerUsage),
         .cause = {}}
    );
  }

  [[nodiscard]] std::string similar_to(std::string_view name) const {
    std::string_view best;
    double best_likeness = kLikeEnough;
    const auto consider = [&](std::string_view candidate) {
      const double now = candidate.empty() ? 0 : likeness(name, candidate);
      if (now > best_likeness) {
        best = candidate;
        best_likeness = now;
      }
    };
    for (const FlagSpec& spec : table_) {
      // Spin's triggers don't know `up`'s flags.
      if (spec.owner == FlagSpec::Owner::Trigger) {
        consider(spec.name);
        std::ranges::for_each(spec.aliases, consider);
      }
    }
    return best.empty() ? std::string()
                        : fmt::format("\n\n  tip: a similar argument exists: '--{}'", best);
  }

  void take_rest() {
    pass_on("--");
    forward("--");
    is_rest_ = true;
    while (at_ < arguments_.size()) {
      forward(arguments_[at_]);
      unexpected(arguments_[at_++]);
    }
  }

  void take_long(std::string_view argument) {
    const auto equals = argument.find('=');
    const std::string_view name =
        argument.substr(2, equals == std::string_view::npos ? std::string_view::npos : equals - 2);
    const FlagSpec* spec = find_long(name);
    if (spec == nullptr) {
      pass_on(argument);
      forward(argument);
      unexpected(argument.substr(0, equals));
      return;
    }
    note_owner(*spec, argument);
    if (spec->owner == FlagSpec::Owner::Trigger) {
      forward(argument);
    }
    if (equals == std::string_view::npos) {
      take(*spec);
    } else if (spec->takes_value()) {
      add(*spec, argument.substr(equals + 1));
    } else {
      fail(
          spec->owner,
          {.message = fmt::format(
               "unexpected value '{}' for '--{}' found; no more were expected",
               argument.substr(equals + 1),
               spec->name
           ),
           .usage = usage_of(*spec),
           .cause = {}}
      );
    }
  }

  void take_cluster(std::string_view argument) {
    for (std::size_t i = 1; i < argument.size(); ++i) {
      const FlagSpec* spec = find_letter(argument[i]);
      if (spec == nullptr) {
        pass_on(argument);
        forward(fmt::format("-{}", argument.substr(i)));
        unexpected(fmt::format("-{}", argument[i]));
        return;
      }
      note_owner(*spec, argument);
      if (spec->owner == FlagSpec::Owner::Trigger) {
        const std::size_t end = spec->takes_value() ? argument.size() : i + 1;
        forward(fmt::format("-{}", argument.substr(i, end - i)));
      }
      if (!spec->takes_value()) {
        take(*spec);
        continue;
      }
      std::string_view value = argument.substr(i + 1);
      if (value.empty()) {
        take(*spec);
      } else {
        value.remove_prefix(value.starts_with('=') ? 1 : 0);
        add(*spec, value);
      }
      return;
    }
  }

  void note_owner(const FlagSpec& spec, std::string_view argument) {
    if (spec.owner == FlagSpec::Owner::Trigger) {
      pass_on(argument);
    }
  }

  /// A flag whose value, if it takes one, is the next argument.
  void take(const FlagSpec& spec) {
    if (!spec.takes_value()) {
      add(spec, {});
      return;
    }
    const bool has_next = at_ < arguments_.size();
    const bool is_flag = has_next && arguments_[at_].size() > 1 && arguments_[at_].starts_with('-');
    if (has_next && !is_flag) {
      if (spec.owner == FlagSpec::Owner::Trigger) {
        forward(arguments_[at_]);
      }
      add(spec, arguments_[at_++]);
    } else if (!is_flag || is_known_flag(arguments_[at_])) {
      value_missing(spec);
    }
    // Otherwise the next argument is reported, being no flag that is known.
  }

  void add(const FlagSpec& spec, std::string_view value) {
    if (spec.takes_value() && value.empty() && !spec.may_be_empty) {
      value_missing(spec);
      return;
    }
    const bool is_repeated =
        std::ranges::any_of(out_.uses, [&](const FlagUse& use) { return use.spec == &spec; });
    if (is_repeated && spec.repeat == FlagSpec::Repeat::Once) {
      fail(
          spec.owner,
          {.message =
               fmt::format("the argument '{}' cannot be used multiple times", spec.to_text()),
           .usage = usage_of(spec),
           .cause = {}}
      );
      return;
    }
    out_.uses.push_back({&spec, std::string(value)});
    const bool is_choice =
        spec.choices[0].empty() || std::ranges::find(spec.choices, value) != spec.choices.end();
    if (!is_choice) {
      fail(
          spec.owner,
          {.message = fmt::format(
               "invalid value '{}' for '{}'\n{}", value, spec.to_text(), choices_of(spec)
           ),
           .usage = {},
           .cause = {}}
      );
    }
  }

  void value_missing(const FlagSpec& spec) {
    const std::string choices = spec.choices[0].empty() ? std::string() : "\n" + choices_of(spec);
    fail(
        spec.owner,
        {.message = fmt::format(
             "a value is required for '{}' but none was supplied{}", spec.to_text(), choices
         ),
         .usage = {},
         .cause = {}}
    );
  }

  static std::string choices_of(const FlagSpec& spec) {
    return fmt::format("  [possible values: {}, {}]", spec.choices[0], spec.choices[1]);
  }

  [[nodiscard]] std::string usage_of(const FlagSpec& spec) const {
    return std::string(spec.owner == FlagSpec::Owner::Up ? own_usage_ : kTriggerUsage);
  }

  std::span<const std::string_view> arguments_;
  std::span<const FlagSpec> table_;
  std::string_view own_usage_;
  std::size_t at_ = 0;
  bool passed_on_ = false;
  bool is_rest_ = false;  ///< after "--"
  ScannedArguments out_;
};

}  // namespace

std::string FlagSpec::to_text() const {
  return takes_value() ? fmt::format("--{} <{}>", name, value_name) : fmt::format("--{}", name);
}

std::vector<std::string> ScannedArguments::values(std::string_view name) const {
  std::vector<std::string> out;
  for (const FlagUse& use : uses) {
    if (use.spec->name == name) {
      out.push_back(use.value);
    }
  }
  return out;
}

bool ScannedArguments::has(std::string_view name) const {
  return std::ranges::any_of(uses, [&](const FlagUse& use) { return use.spec->name == name; });
}

ScannedArguments scan_arguments(
    std::span<const std::string_view> arguments,
    std::span<const FlagSpec> table,
    std::string_view own_usage
) {
  return Scanner(arguments, table, own_usage).run();
}

std::span<const std::string_view> without_separator(std::span<const std::string_view> arguments) {
  return arguments.subspan(!arguments.empty() && arguments.front() == "--" ? 1 : 0);
}

std::size_t own_prefix(
    std::span<const std::string_view> arguments, std::span<const FlagSpec> table
) {
  return Scanner(arguments, table, {}).prefix();
}

UsageError invalid_value(const FlagSpec& spec, std::string_view value, std::string_view why) {
  return {
      .message = fmt::format("invalid value '{}' for '{}': {}", value, spec.to_text(), why),
      .usage = {},
      .cause = std::string(why)
  };
}

UsageError conflict(const FlagSpec& a, const FlagSpec& b, std::string usage) {
  return {
      .message =
          fmt::format("the argument '{}' cannot be used with '{}'", a.to_text(), b.to_text()),
      .usage = std::move(usage),
      .cause = {}
  };
}

double likeness(std::string_view a, std::string_view b) {
  if (a.empty() || b.empty()) {
    return a.empty() && b.empty() ? 1 : 0;
  }
  const std::size_t longest = std::max(a.size(), b.size());
  const std::size_t reach = longest / 2 > 0 ? longest / 2 - 1 : 0;
  std::vector<bool> used(b.size(), false);
  std::string matched;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const std::size_t begin = i > reach ? i - reach : 0;
    const std::size_t end = std::min(b.size(), i + reach + 1);
    for (std::size_t j = begin; j < end; ++j) {
      if (!used[j] && a[i] == b[j]) {
        used[j] = true;
        matched.push_back(a[i]);
        break;
      }
    }
  }
  if (matched.empty()) {
    return 0;
  }
  std::size_t out_of_order = 0;
  std::size_t next = 0;
  for (std::size_t j = 0; j < b.size(); ++j) {
    if (used[j]) {
      out_of_order += b[j] == matched[next++] ? 0 : 1;
    }
  }
  const auto count = static_cast<double>(matched.size());
  return (count / static_cast<double>(a.size()) + count / static_cast<double>(b.size()) +
          (count - static_cast<double>(out_of_order) / 2) / count) /
         3;
}

}  // namespace whorl::cli
