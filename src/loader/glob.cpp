#include "loader/glob.hpp"

#include "fs/file.hpp"

#include <dirent.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <memory>
#include <utility>

namespace whorl::loader {
namespace {

/// Deeper folders than these no system lets one open by name.
constexpr std::size_t kMaxDepth = 1024;

/// Code points; a byte that is no part of UTF-8 stands for itself, out of the way of characters.
std::u32string decode(std::string_view text) {
  constexpr char32_t kStray = 0xDC00;
  std::u32string out;
  for (std::size_t i = 0; i < text.size();) {
    const auto first = static_cast<unsigned char>(text[i]);
    const std::size_t size = first < 0x80               ? 1
                             : (first & 0xE0U) == 0xC0U ? 2
                             : (first & 0xF0U) == 0xE0U ? 3
                             : (first & 0xF8U) == 0xF0U ? 4
                                                        : 0;
    bool is_whole = size != 0 && size <= text.size() - i;
    char32_t point = size == 1 ? first : first & (0xFFU >> (size + 1));
    for (std::size_t j = 1; is_whole && j < size; ++j) {
      const auto next = static_cast<unsigned char>(text[i + j]);
      is_whole = (next & 0xC0U) == 0x80U;
      point = (point << 6U) | (next & 0x3FU);
    }
    out += is_whole ? point : kStray + first;
    i += is_whole ? size : 1;
  }
  return out;
}

Error syntax_error(
    std::size_t position,
    std::string_view why,
    std::source_location where = std::source_location::current()
) {
  return Error(
      ErrorKind::InvalidInput,
      fmt::format("Pattern syntax error near position {}: {}", position, why),
      where
  );
}

/// What `**` and its like may be; how many characters they take.
Result<std::size_t> check_recursive(
    const std::u32string& text, std::size_t at, std::size_t offset
) {
  constexpr std::string_view kAlone = "recursive wildcards must form a single path component";
  const std::size_t end = std::min(text.find_first_not_of(U'*', at), text.size());
  if (end - at > 2) {
    return syntax_error(offset + at + 2, "wildcards are either regular `*` or recursive `**`");
  }
  if (at != 0 && text[at - 1] != U'/') {
    return syntax_error(offset + at - 1, kAlone);
  }
  if (end < text.size() && text[end] != U'/') {
    return syntax_error(offset + end, kAlone);
  }
  return end < text.size() ? std::size_t{3} : std::size_t{2};
}

struct CloseFolder {
  void operator()(DIR* folder) const noexcept { ::closedir(folder); }
};

/// The names in a folder, sorted; none when it cannot be read.
std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> out;
  const std::unique_ptr<DIR, CloseFolder> open(::opendir(folder.c_str()));
  while (open != nullptr) {
    const dirent* entry = ::readdir(open.get());
    if (entry == nullptr) {
      break;
    }
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") {
      out.emplace_back(name);
    }
  }
  std::ranges::sort(out);
  return out;
}

struct FolderIdentity {
  dev_t device;
  ino_t inode;
  [[nodiscard]] bool operator==(const FolderIdentity&) const = default;
};

class Walk {
 public:
  Walk(const std::string& root, const GlobLimits& limits) : root_(root), limits_(limits) {}

  Result<void> add_part(std::string_view text, std::size_t offset) {
    const bool is_recursive = text == "**";
    if (is_recursive && !parts_.empty() && parts_.back().is_recursive) {
      return {};
    }
    Part part{.text = std::string(text), .is_recursive = is_recursive};
    if (!is_recursive && looks_like_glob(text)) {
      WHORL_TRY(GlobPattern pattern, GlobPattern::parse(text, offset));
      part.pattern.push_back(std::move(pattern));
    }
    parts_.push_back(std::move(part));
    return {};
  }

  Result<std::vector<std::string>> run() {
    WHORL_CHECKED(descend({}, 0));
    return std::move(found_);
  }

 private:
  struct Part {
    std::string text;
    bool is_recursive = false;
    std::vector<GlobPattern> pattern{};  ///< one, where the text is not to be taken as it is
  };

  [[nodiscard]] std::string full(const std::string& path) const { return fs::join(root_, path); }
  static std::string below(const std::string& folder, std::string_view name) {
    return folder.empty() ? std::string(name) : fmt::format("{}/{}", folder, name);
  }

  Result<void> descend(const std::string& folder, std::size_t at) {
    if (at == parts_.size()) {
      return {};
    }
    const Part& part = parts_[at];
    if (part.is_recursive) {
      return recurse(folder, at);
    }
    if (part.pattern.empty()) {
      return visit(below(folder, part.text), at);
    }
    WHORL_CHECKED(count_folder());
    for (const std::string& name : names_in(full(folder))) {
      if (part.pattern.front().matches(name)) {
        WHORL_CHECKED(visit(below(folder, name), at));
      }
    }
    return {};
  }

  /// A path that one part matches: a find, or a folder for the next part.
  Result<void> visit(const std::string& path, std::size_t at) {
    struct stat info{};
    if (::stat(full(path).c_str(), &info) != 0) {
      return {};
    }
    if (at + 1 < parts_.size()) {
      return S_ISDIR(info.st_mode) ? descend(path, at + 1) : Result<void>();
    }
    if (!S_ISREG(info.st_mode)) {
      return {};
    }
    if (found_.size() >= limits_.files) {
      return fail(
          ErrorKind::ResourceLimit, "the pattern matches more than {} files", limits_.files
      );
    }
    found_.push_back(path);
    return {};
  }

  /// `**`: this folder and all below it. At the end it stands for folders only, which are no finds.
  Result<void> recurse(const std::string& folder, std::size_t at) {
    struct stat info{};
    if (at + 1 == parts_.size() || ::stat(full(folder).c_str(), &info) != 0 ||
        !S_ISDIR(info.st_mode)) {
      return {};
    }
    const FolderIdentity self{.device = info.st_dev, .inode = info.st_ino};
    if (std::ranges::find(inside_, self) != inside_.end() || inside_.size() >= kMaxDepth) {
      return {};
    }
    WHORL_CHECKED(descend(folder, at + 1));
    WHORL_CHECKED(count_folder());
    inside_.push_back(self);
    for (const std::string& name : names_in(full(folder))) {
      if (auto done = recurse(below(folder, name), at); !done) {
        return done;
      }
    }
    inside_.pop_back();
    return {};
  }

  Result<void> count_folder() {
    if (++folders_ > limits_.folders) {
      return fail(
          ErrorKind::ResourceLimit,
          "the pattern leads through more than {} folders",
          limits_.folders
      );
    }
    return {};
  }

  const std::string& root_;
  GlobLimits limits_;
  std::vector<Part> parts_;
  std::vector<FolderIdentity> inside_;  ///< of the present recursion
  std::vector<std::string> found_;
  std::size_t folders_ = 0;
};

}  // namespace

Result<GlobPattern> GlobPattern::parse(std::string_view text, std::size_t offset) {
  using Kind = Token::Kind;
  const std::u32string characters = decode(text);
  GlobPattern out;
  for (std::size_t i = 0; i < characters.size();) {
    const char32_t c = characters[i];
    if (c == U'?') {
      out.tokens_.push_back({.kind = Kind::Any});
      ++i;
    } else if (c == U'*' && characters.substr(i, 2) == U"**") {
      WHORL_TRY(const std::size_t size, check_recursive(characters, i, offset));
      if (out.tokens_.empty() || out.tokens_.back().kind != Kind::Recursive) {
        out.tokens_.push_back({.kind = Kind::Recursive});
      }
      i += size;
    } else if (c == U'*') {
      out.tokens_.push_back({.kind = Kind::Sequence});
      ++i;
    } else if (c == U'[') {
      const bool is_negative = i + 1 < characters.size() && characters[i + 1] == U'!';
      const std::size_t begin = i + (is_negative ? 2 : 1);
      // A bracket in the first place is one of the characters.
      const std::size_t end =
          begin < characters.size() ? characters.find(U']', begin + 1) : std::u32string::npos;
      if (end == std::u32string::npos) {
        return syntax_error(offset + i, "invalid range pattern");
      }
      out.tokens_.push_back(
          {.kind = is_negative ? Kind::Except : Kind::Within,
           .ranges = read_ranges(characters.substr(begin, end - begin))}
      );
      i = end + 1;
    } else {
      out.tokens_.push_back({.kind = Kind::Character, .character = c});
      ++i;
    }
  }
  return out;
}

std::vector<GlobPattern::Range> GlobPattern::read_ranges(const std::u32string& text) {
  std::vector<Range> out;
  for (std::size_t i = 0; i < text.size();) {
    const bool is_range = i + 2 < text.size() && text[i + 1] == U'-';
    out.push_back({.first = text[i], .last = is_range ? text[i + 2] : text[i]});
    i += is_range ? 3 : 1;
  }
  return out;
}

bool GlobPattern::takes(const Token& token, char32_t character) {
  const auto is_within = [&] {
    return std::ranges::any_of(token.ranges, [&](const Range& range) {
      return character >= range.first && character <= range.last;
    });
  };
  switch (token.kind) {
    case Token::Kind::Character:
      return token.character == character;
    case Token::Kind::Within:
      return is_within();
    case Token::Kind::Except:
      return !is_within();
    case Token::Kind::Any:
    case Token::Kind::Sequence:
    case Token::Kind::Recursive:
      return true;
  }
  return false;
}

void GlobPattern::enter(std::vector<bool>& states, std::size_t token) const {
  states[token] = true;
  while (token < tokens_.size() && (tokens_[token].kind == Token::Kind::Sequence ||
                                    tokens_[token].kind == Token::Kind::Recursive)) {
    states[++token] = true;
  }
}

bool GlobPattern::matches(std::string_view text) const {
  std::vector<bool> states(tokens_.size() + 1);
  enter(states, 0);
  std::vector<bool> next(states.size());
  for (const char32_t character : decode(text)) {
    next.assign(next.size(), false);
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      const Token& token = tokens_[i];
      if (!states[i] || !takes(token, character)) {
        continue;
      }
      if (token.kind == Token::Kind::Sequence) {
        enter(next, i);
      } else if (token.kind == Token::Kind::Recursive) {
        // It takes whole folders: what follows it begins after a slash.
        next[i] = true;
        if (character == U'/') {
          enter(next, i);
        }
      } else {
        enter(next, i + 1);
      }
    }
    std::swap(states, next);
  }
  // At the end of the text `**` has taken all there is, whatever the last character was.
  for (std::size_t i = 0; i < tokens_.size(); ++i) {
    if (states[i] && tokens_[i].kind == Token::Kind::Recursive) {
      enter(states, i);
    }
  }
  return states.back();
}

bool looks_like_glob(std::string_view text) noexcept {
  return text.find_first_of("*?[") != std::string_view::npos;
}

Result<std::vector<std::string>> glob_files(
    const std::string& folder, std::string_view pattern, const GlobLimits& limits
) {
  // The whole is checked first: its errors are told by their place in the absolute pattern.
  const std::size_t offset = folder.size() + 1;
  WHORL_TRY(const GlobPattern unused, GlobPattern::parse(pattern, offset));
  static_cast<void>(unused);
  if (pattern.empty() || pattern.ends_with('/')) {
    return std::vector<std::string>();
  }
  Walk walk(folder, limits);
  while (!pattern.empty()) {
    const std::size_t end = std::min(pattern.find('/'), pattern.size());
    const std::string_view part = pattern.substr(0, end);
    if (!part.empty() && part != ".") {
      WHORL_CHECKED(walk.add_part(part, offset));
    }
    pattern.remove_prefix(std::min(end + 1, pattern.size()));
  }
  return walk.run();
}

}  // namespace whorl::loader
