#include "loader/test_support.hpp"

#include <sys/stat.h>

namespace whorl::loader {
namespace {

/// An application with files of all kinds, and folders beside it.
class FilesApp : public TestFolder {
 public:
  FilesApp() {
    for (const std::string_view name :
         {"app/a.txt",
          "app/.hidden",
          "app/st/1.txt",
          "app/st/.h",
          "app/st/sub/2.txt",
          "app/[x].txt",
          "app/dyn/[id]/p.html",
          "out/o.txt",
          "out/d/p.txt"}) {
      write(name, name);
    }
    link("app/link.txt", "st/1.txt");
    link("app/outlink", "../out");
    link("app/broken", "nowhere");
    link("app/st/loop", ".");
    REQUIRE(fs::create_directories(path("app/empty")));
    REQUIRE(::mkfifo(path("app/fifo").c_str(), 0644) == 0);
  }
  Result<std::shared_ptr<const app::LockedApp>> load(
      const std::string& lines, FileMounts files = FileMounts::Copy
  ) {
    write(
        "app/spin.toml",
        kHead + kTrigger + "[component.r]\nsource = \"x.wasm\"\nfiles = " + lines + "\n"
    );
    warnings_.clear();
    return load_manifest(
        path("app/spin.toml"),
        {.files = files, .assets_dir = path("assets"), .warnings = &warnings_}
    );
  }
  /// What the guest would see, or what was wrong.
  std::string outcome(const std::string& lines) {
    std::filesystem::remove_all(path("assets"));
    auto loaded = load(lines);
    if (!loaded) {
      CHECK(tree("assets/r") == "");
      auto texts = chain(loaded.error(), *this);
      std::string out;
      for (std::size_t i = 4; i < texts.size(); ++i) {
        out += (out.empty() ? "" : ": ") + texts[i];
      }
      return out;
    }
    CHECK(tree("assets").find("..") == std::string::npos);
    return tree("assets/r");
  }
  [[nodiscard]] const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  std::vector<std::string> warnings_;
};

struct Row {
  std::string lines;
  std::string expected;
};

std::string placed(const std::string& source, const std::string& destination) {
  return "[{ source = \"" + source + "\", destination = \"" + destination + "\" }]";
}

TEST_CASE("patterns are copied to the same paths") {
  FilesApp app;
  const std::string all_of_st = "st/.h st/1.txt st/sub/2.txt";
  const Row rows[] = {
      {R"(["*.txt"])", "[x].txt a.txt link.txt"},
      {R"(["./*"])", ".hidden [x].txt a.txt link.txt spin.toml"},
      {R"(["st/**/*"])", all_of_st},
      {R"(["st/*", "a.txt", "./st/../a.txt"])", "a.txt st/.h st/1.txt"},
      {R"(["outlink/*"])", "outlink/o.txt"},
      {R"(["link.txt"])", "link.txt"},
      {R"(["[x].txt"])", "[x].txt"},
      {R"(["nope*"])", ""},
      {R"(["st/**"])", ""},
      {R"(["empty"])", "empty/"},
      {R"(["st"])", "st/st/.h st/st/1.txt st/st/sub/2.txt"},
      {R"(["st/"])", "st/st/.h st/st/1.txt st/st/sub/2.txt"},
      {R"(["outlink"])", "outlink/outlink/d/p.txt outlink/outlink/o.txt"},
      {R"(["dyn/**/*"])", "dyn/[id]/p.html"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.lines);
    CHECK(app.outcome(row.lines) == row.expected);
    CHECK(app.warnings().empty());
  }
  CHECK(app.outcome("[\"" + app.path("app/*.txt") + "\"]") == "[x].txt a.txt link.txt");
  CHECK(app.read("assets/r/link.txt") == "app/st/1.txt");
}

TEST_CASE("sources with a destination") {
  FilesApp app;
  const Row rows[] = {
      {placed("st", "/"), ".h 1.txt sub/2.txt"},
      {placed("st", ""), ".h 1.txt sub/2.txt"},
      {placed("./st/", "/x/y/"), "x/y/.h x/y/1.txt x/y/sub/2.txt"},
      {placed("../out", "/x"), "x/d/p.txt x/o.txt"},
      {placed("outlink", "//x"), "x/d/p.txt x/o.txt"},
      {placed("dyn/[id]", "/x"), "x/p.html"},
      {placed("a.txt", "b/c.txt"), "b/c.txt"},
      {placed("a.txt", "x/../y"), "y"},
      {placed("link.txt", "/x"), "x"},
      {placed("empty", "/x"), "x/"},
      {placed(app.path("app/st"), "/x"), "x/.h x/1.txt x/sub/2.txt"},
      {placed(app.path("app/a.txt"), "/x"), "x"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.lines);
    CHECK(app.outcome(row.lines) == row.expected);
  }
  // Of two for one place the later counts.
  CHECK(
      app.outcome(
          R"([{ source = "a.txt", destination = "/z" }, { source = "st/1.txt", destination = "z" }])"
      ) == "z"
  );
  CHECK(app.read("assets/r/z") == "app/st/1.txt");
}

TEST_CASE("files that are left out") {
  FilesApp app;
  const std::string grants = R"(["st/**/*", "a.txt", { source = "st", destination = "/q" }])";
  const Row rows[] = {
      {R"(["st/*"])", "a.txt q/"},
      {R"(["**/*.txt"])", "a.txt q/.h st/.h"},
      {R"(["*.txt"])", "a.txt q/.h st/.h"},
      {R"(["st/1.txt"])", "a.txt q/.h q/sub/2.txt st/.h st/sub/2.txt"},
      {R"(["./st/1.txt", "st", "ST/*"])",
       "a.txt q/.h q/1.txt q/sub/2.txt st/.h st/1.txt st/sub/2.txt"},
      {R"(["[x"])",
       "Invalid exclude_files glob pattern \"[x\": Pattern syntax error near position 0: invalid "
       "range pattern"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.lines);
    CHECK(app.outcome(grants + "\nexclude_files = " + row.lines) == row.expected);
  }
}

TEST_CASE("what is refused, in Spin's words where it has some; nothing is copied by half") {
  FilesApp app;
  const std::string ends =
      "\nIf you want to include a directory, use source-destination form, or a glob pattern ending "
      "in **/*.\nLearn more: "
      "https://spinframework.dev/writing-apps#including-files-with-components";
  const std::string outside =
      " cannot be mapped because it is outside the application directory. Files must be within the "
      "application directory.";
  const std::string not_a_name = " is not a valid destination file name";
  const std::string leads_out = " leads out of the component's files";
  const Row rows[] = {
      {R"(["a.txt", "nope"])", "\"nope\" does not exist and doesn't appear to be a glob pattern"},
      {R"(["broken"])", "\"broken\" does not exist and doesn't appear to be a glob pattern"},
      {R"(["fifo"])", "\"fifo\" is neither a file nor a folder"},
      {placed("fifo", "/x"), "\"fifo\" is neither a file nor a folder"},
      {R"(["."])", "A file pattern can't end in a current directory path (.)" + ends},
      {R"(["st/.."])", "A file pattern can't end in a parent directory path (..)" + ends},
      {R"(["a**"])",
       "Failed to resolve glob pattern \"app/a**\": Pattern syntax error near position " +
           std::to_string(app.path("app/").size()) +
           ": recursive wildcards must form a single path component"},
      {placed("nope", "/x"), "File or directory \"nope\" does not exist"},
      {placed("*.txt", "/x"), "File or directory \"*.txt\" does not exist"},
      {placed("a.txt", "/x/"), "Failed to copy \"app/a.txt\": \"/x/\"" + not_a_name},
      {placed("a.txt", ""), "Failed to copy \"app/a.txt\": \"\"" + not_a_name},
      {placed("a.txt", "x/.."), "Failed to copy \"app/a.txt\": \"x/..\"" + not_a_name},
      {placed("a.txt", "../y"), "destination \"../y\"" + leads_out},
      {placed("a.txt", "/../../z"), "destination \"/../../z\"" + leads_out},
      {placed("st", "a/../../y"), "destination \"a/../../y\"" + leads_out},
      {"[\"" + app.path("app/a.txt") + "\"]", "prefix not found"},
      {placed(app.path("out/o.txt"), "/x"), "prefix not found"},
      {"[\"" + app.path("out/*.txt") + "\"]", "out/*.txt" + outside},
      {"[\"" + app.path("out") + "\"]", "out/**/*" + outside},
      {placed(app.path("out"), "/x"), "out/**/*" + outside},
      {R"(["st/*", { source = "a.txt", destination = "st" }])",
       "Failed to copy \"app/st/.h\" to working path \"assets/r/st/.h\" (for destination path "
       "\"st/.h\"): Not a directory (os error 20)"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.lines);
    CHECK(app.outcome(row.lines) == row.expected);
  }
}

TEST_CASE("what Spin copies to where nobody sees it is left out with a warning") {
  FilesApp app;
  for (const std::string lines : {R"(["../out/o.txt"])", R"(["../out/*"])", R"(["../out"])"}) {
    CAPTURE(lines);
    CHECK(app.outcome(lines) == "");
    REQUIRE(app.warnings().size() == 1);
    CHECK(app.warnings()[0].contains("outside of the application directory"));
  }
}

TEST_CASE("patterns that take everything are warned of") {
  FilesApp app;
  CHECK(app.outcome(R"(["*"])") == ".hidden [x].txt a.txt link.txt spin.toml");
  CHECK(
      app.warnings() ==
      std::vector<std::string>{
          "A component is including the entire application directory as asset files. This is "
          "unlikely to be what you want.\n"
          "If this is what you want, use the pattern \"./*\" to avoid this warning.\n"
          "Learn more: "
          "https://spinframework.dev/writing-apps#including-files-with-components\n"
      }
  );
  static_cast<void>(app.outcome(R"(["**/*"])"));
  REQUIRE(app.warnings().size() == 1);
  CHECK(app.warnings()[0].contains("the entire application directory tree as asset files"));
}

TEST_CASE("mounts of copies, and in place") {
  FilesApp app;
  app.write("assets/r/stale", "of an earlier start");
  const auto copied = app.load(R"(["a.txt"])");
  REQUIRE(copied);
  const app::Component& r = (*copied)->components[0];
  CHECK(app.tree("assets") == "r/a.txt");
  CHECK(
      r.mounts == std::vector<app::Mount>{{.host_path = app.path("assets/r"), .guest_path = "/"}}
  );
  REQUIRE(r.files.size() == 1);
  CHECK(r.files[0].content.url == "file://" + app.path("assets/r"));
  CHECK(r.files[0].path == "/");

  CHECK((*app.load(R"(["a.txt"])", FileMounts::None))->components[0].mounts.empty());
  CHECK((*app.load("[]"))->components[0].mounts.empty());

  const auto direct =
      app.load(R"(["./st", { source = "../out", destination = "/y" }])", FileMounts::Direct);
  REQUIRE(direct);
  CHECK(
      (*direct)->components[0].mounts ==
      std::vector<app::Mount>{
          {.host_path = app.path("app/st"), .guest_path = "./st"},
          {.host_path = app.path("out"), .guest_path = "/y"},
      }
  );
  for (const std::string name : {"a.txt", "*", "nope"}) {
    CHECK(
        app.load("[\"" + name + "\"]", FileMounts::Direct).error().message() ==
        "Only directory mounts are supported with `--direct-mounts`; \"" + name +
            "\" is not a directory."
    );
  }
  CHECK(
      app.load("[\"st\"]\nexclude_files = [\"x\"]", FileMounts::Direct).error().message() ==
      "Cannot load a component with `exclude_files` using --direct-mounts"
  );
}

TEST_CASE("what was copied for one component goes away when another one fails") {
  FilesApp app;
  CHECK_FALSE(app.load("[\"a.txt\"]\n[component.s]\nsource = \"s\"\nfiles = [\"nope\"]"));
  CHECK(app.tree("assets") == "");
  CHECK_FALSE(std::filesystem::exists(app.path("assets/r")));
}

TEST_CASE("what no trigger runs is checked and not copied") {
  FilesApp app;
  const std::string unused = "[]\n[component.s]\nsource = \"s\"\nfiles = [\"";
  const auto loaded = app.load(unused + "a.txt\"]");
  REQUIRE(loaded);
  CHECK((*loaded)->components[1].mounts.empty());
  CHECK((*loaded)->components[1].files.size() == 1);
  CHECK(app.tree("assets") == "");
  CHECK_FALSE(app.load(unused + "nope\"]"));
}

TEST_CASE("copies keep permissions, and can be writable for the guest") {
  FilesApp app;
  std::filesystem::permissions(app.path("app/a.txt"), std::filesystem::perms(0741));
  app.write(
      "app/spin.toml", kHead + kTrigger + "[component.r]\nsource = \"x\"\nfiles = [\"a.txt\"]\n"
  );
  const auto loaded = load_manifest(
      app.path("app/spin.toml"),
      {.files = FileMounts::Copy, .access = MountAccess::ReadWrite, .assets_dir = app.path("assets")
      }
  );
  REQUIRE(loaded);
  CHECK((*loaded)->components[0].mounts[0].is_writable);
  CHECK(
      (std::filesystem::status(app.path("assets/r/a.txt")).permissions() &
       std::filesystem::perms(0700)) == std::filesystem::perms(0700)
  );
}

}  // namespace
}  // namespace whorl::loader
