#include "wasi/p2/filesystem.hpp"

#include "wasi/files/hostile_tree.hpp"
#include "wasi/p2/descriptor.hpp"
#include "wasi/p2/streams.hpp"
#include "wasi/shard_blocking_work.hpp"
#include "wasi/test_support.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

namespace whorl::wasi::p2 {
namespace {

using component::Own;
using files::test::TempFolder;
using Flags = fs_wit::DescriptorFlags;
using Open = fs_wit::OpenFlags;
using Code = FileErrorCode;
using Type = fs_wit::DescriptorType;

constexpr fs_wit::PathFlags kFollow{fs_wit::PathFlags::kSymlinkFollow};
constexpr fs_wit::PathFlags kKeep{};
const fs_wit::NewTimestamp kNow = fs_wit::NewTimestamp::now();

/// A component with one folder.
struct World : wasi::test::Scene {
  explicit World(std::string path, files::Grant grant = files::Grant::ReadWrite)
      : preopen{{"/", files::test::grant(path, grant)}},
        context{
            .timers = timers,
            .standard_output = out,
            .standard_error = err,
            .environment = {},
            .preopens = preopen,
        },
        host(around, context),
        types() {
    auto listed = *host.get_directories(call);
    REQUIRE(listed.size() == 1);
    CHECK(std::get<1>(listed[0]) == "/");
    root = std::move(std::get<0>(listed[0]));
  }

  FileOutcome<Own<fs_wit::Descriptor>> open(
      std::string_view path, std::uint32_t flags = Flags::kRead, std::uint32_t how = 0
  ) {
    return *root->open_at(call, kFollow, path, Open{how}, Flags{flags});
  }
  Own<fs_wit::Descriptor> opened(
      std::string_view path, std::uint32_t flags = Flags::kRead, std::uint32_t how = 0
  ) {
    auto outcome = open(path, flags, how);
    REQUIRE(outcome);
    return *std::move(outcome);
  }

  std::vector<Preopen> preopen;
  InstanceContext context;
  PreopensHost host;
  FilesystemTypesHost types;
  Own<fs_wit::Descriptor> root;
};

/// What a function tells: "ok" or the number of its code.
template <class T>
std::string told_by(const FileResult<T>& result) {
  REQUIRE(result);
  return *result ? "ok" : fmt::format("{}", static_cast<int>(result->error()));
}
std::string code(Code expected) {
  return fmt::format("{}", static_cast<int>(expected));
}

TEST_CASE("files are written and read, with and without streams") {
  const TempFolder folder;
  World world(folder.at(""));
  auto file = world.opened("f", Flags::kRead | Flags::kWrite, Open::kCreate);
  CHECK(**file->write(world.call, as_bytes("hello"), 0) == 5);
  CHECK(**file->write(world.call, as_bytes("HE"), 10) == 2);
  auto read = **file->read(world.call, 100, 0);
  CHECK(std::get<0>(read).size() == 12);
  CHECK_FALSE(std::get<1>(read));
  CHECK(std::get<1>(**file->read(world.call, 100, 12)));
  CHECK_FALSE(std::get<1>(**file->read(world.call, 0, 0)));
  CHECK(told_by(file->set_size(world.call, 5)) == "ok");

  auto out = **file->write_via_stream(world.call, 3);
  CHECK(*out->blocking_write_and_flush(world.call, as_bytes("LO!")));
  out = **file->append_via_stream(world.call);
  CHECK(*out->blocking_write_and_flush(world.call, as_bytes("end")));
  auto in = **file->read_via_stream(world.call, 1);
  CHECK(as_text(**in->blocking_read(world.call, 100)) == "elLO!end");
  auto ended = *in->blocking_read(world.call, 100);
  REQUIRE_FALSE(ended);
  CHECK(ended.error().tag == StreamError::Tag::Closed);
  CHECK(files::test::read_file(folder.at("f")) == "helLO!end");
  CHECK(told_by(file->sync(world.call)) == "ok");
  CHECK(told_by(file->sync_data(world.call)) == "ok");
  CHECK(told_by(file->advise(world.call, 0, 10, fs_wit::Advice::WillNeed)) == "ok");
  CHECK(
      told_by(file->set_times(world.call, kNow, fs_wit::NewTimestamp::timestamp({7, 5}))) == "ok"
  );
  const auto stat = **file->stat(world.call);
  CHECK(stat.type == Type::RegularFile);
  CHECK(stat.size == 9);
  CHECK(stat.data_modification_timestamp == fs_wit::Datetime{7, 5});
  CHECK(**file->get_type(world.call) == Type::RegularFile);
  CHECK((**file->get_flags(world.call)).bits == (Flags::kRead | Flags::kWrite));
}

TEST_CASE("a long file streams in order, also when reads go to other threads") {
  const TempFolder folder;
  std::string text;
  for (int i = 0; i < 50'000; ++i) {
    text += std::to_string(i);
  }
  files::test::write_file(folder.at("long"), text);
  async::Shard shard(0);
  ShardBlockingWork work(shard);
  World world(folder.at(""));
  world.context.blocking = &work;
  world.root = std::move(std::get<0>((*world.host.get_directories(world.call))[0]));
  auto file = world.opened("long");
  auto in = **file->read_via_stream(world.call, 0);
  std::string got;
  for (;;) {
    auto piece = *in->read(world.call, 10'000);
    if (!piece) {
      CHECK(piece.error().tag == StreamError::Tag::Closed);
      break;
    }
    got += as_text(*piece);
    if (piece->empty()) {
      shard.poll();
    }
  }
  CHECK(got == text);
}

TEST_CASE("a stream's failure has the file's error behind it") {
  const TempFolder folder;
  World world(folder.at(""));
  auto file = world.opened("f", Flags::kRead | Flags::kWrite, Open::kCreate);
  auto out = **file->write_via_stream(world.call, ~std::uint64_t{0});
  auto failed = *out->blocking_write_and_flush(world.call, as_bytes("x"));
  REQUIRE_FALSE(failed);
  REQUIRE(failed.error().tag == StreamError::Tag::LastOperationFailed);
  auto& error = *failed.error().as<Own<wit::wasi_io_error::Error>>();
  CHECK(*world.types.filesystem_error_code(world.call, error) == Code::Invalid);
  IoError other("x");
  CHECK_FALSE(world.types.filesystem_error_code(world.call, other)->has_value());
}

TEST_CASE("folders, links, names") {
  const TempFolder folder;
  World world(folder.at(""));
  auto& root = *world.root;
  CHECK(told_by(root.create_directory_at(world.call, "d")) == "ok");
  CHECK(told_by(root.create_directory_at(world.call, "d")) == code(Code::Exist));
  files::test::write_file(folder.at("d/f"), "text");
  CHECK(told_by(root.symlink_at(world.call, "d/f", "s")) == "ok");
  CHECK(told_by(root.symlink_at(world.call, "/etc", "abs")) == code(Code::NotPermitted));
  CHECK(**root.readlink_at(world.call, "s") == "d/f");
  CHECK(told_by(root.readlink_at(world.call, "d")) == code(Code::Invalid));
  CHECK((**root.stat_at(world.call, kKeep, "s")).type == Type::SymbolicLink);
  CHECK((**root.stat_at(world.call, kFollow, "s")).type == Type::RegularFile);
  CHECK(told_by(root.link_at(world.call, kKeep, "d/f", root, "hard")) == "ok");
  CHECK(told_by(root.link_at(world.call, kFollow, "d/f", root, "h2")) == code(Code::Invalid));
  CHECK((**root.stat_at(world.call, kKeep, "hard")).link_count == 2);
  auto one = world.opened("d/f");
  auto two = world.opened("hard");
  CHECK(*one->is_same_object(world.call, *two));
  CHECK_FALSE(*one->is_same_object(world.call, root));
  CHECK(**one->metadata_hash(world.call) == **root.metadata_hash_at(world.call, kKeep, "hard"));
  CHECK_FALSE(**root.metadata_hash(world.call) == **one->metadata_hash(world.call));

  auto sub = world.opened("d", Flags::kRead | Flags::kMutateDirectory, Open::kDirectory);
  CHECK(**sub->get_type(world.call) == Type::Directory);
  CHECK(told_by(root.rename_at(world.call, "hard", *sub, "moved")) == "ok");
  CHECK(told_by(root.set_times_at(world.call, kKeep, "d/moved", kNow, kNow)) == "ok");
  auto listing = **sub->read_directory(world.call);
  std::set<std::string> names;
  while (auto entry = **listing->read_directory_entry(world.call)) {
    CHECK(entry->type == Type::RegularFile);
    names.insert(entry->name);
  }
  CHECK(names == std::set<std::string>{"f", "moved"});
  CHECK(told_by(root.remove_directory_at(world.call, "d")) == code(Code::NotEmpty));
  CHECK(told_by(root.unlink_file_at(world.call, "d/f")) == "ok");
  CHECK(told_by(root.unlink_file_at(world.call, "d/moved")) == "ok");
  CHECK(told_by(root.unlink_file_at(world.call, "d")) == code(Code::IsDirectory));
  CHECK(told_by(root.remove_directory_at(world.call, "d")) == "ok");
  CHECK(told_by(root.stat_at(world.call, kKeep, "d")) == code(Code::NoEntry));
}

TEST_CASE("what is asked of the wrong kind of thing, or with the wrong flags") {
  const TempFolder folder;
  World world(folder.at(""));
  files::test::write_file(folder.at("f"), "text");
  const auto outcome = [&](std::uint32_t flags, std::uint32_t how, std::string_view path = "f") {
    const auto opened = world.open(path, flags, how);
    return opened ? "ok" : fmt::format("{}", static_cast<int>(opened.error()));
  };
  CHECK(outcome(Flags::kRead, Open::kCreate | Open::kExclusive) == code(Code::Exist));
  CHECK(outcome(Flags::kRead, Open::kDirectory) == code(Code::NotDirectory));
  CHECK(outcome(Flags::kRead, Open::kDirectory | Open::kCreate, "x") == code(Code::Invalid));
  CHECK(outcome(Flags::kRead, 0, "nothing") == code(Code::NoEntry));
  CHECK(outcome(Flags::kRead, 0, "../x") == code(Code::NotPermitted));
  CHECK(outcome(Flags::kWrite | Flags::kFileIntegritySync, 0) == code(Code::Unsupported));
  CHECK(outcome(0, 0) == "ok");
  auto reader = world.opened("f");
  CHECK(told_by(reader->write(world.call, as_bytes("x"), 0)) == code(Code::BadDescriptor));
  CHECK(told_by(reader->write_via_stream(world.call, 0)) == code(Code::BadDescriptor));
  CHECK(told_by(reader->append_via_stream(world.call)) == code(Code::BadDescriptor));
  CHECK(told_by(reader->set_size(world.call, 0)) == code(Code::BadDescriptor));
  CHECK(told_by(reader->read_directory(world.call)) == code(Code::NotDirectory));
  CHECK(told_by(reader->stat_at(world.call, kKeep, "x")) == code(Code::NotDirectory));
  CHECK(told_by(reader->unlink_file_at(world.call, "x")) == code(Code::NotDirectory));
  auto writer = world.opened("f", Flags::kWrite);
  CHECK(told_by(writer->read(world.call, 1, 0)) == code(Code::BadDescriptor));
  CHECK(told_by(writer->read_via_stream(world.call, 0)) == code(Code::BadDescriptor));
  CHECK(told_by(world.root->read(world.call, 1, 0)) == code(Code::BadDescriptor));
  CHECK(told_by(world.root->read_via_stream(world.call, 0)) == code(Code::BadDescriptor));
  CHECK(told_by(world.root->set_size(world.call, 0)) == code(Code::BadDescriptor));
}

TEST_CASE("a folder for reading cannot be changed in any way") {
  const TempFolder folder;
  files::test::write_file(folder.at("f"), "text");
  World world(folder.at(""), files::Grant::Read);
  auto& root = *world.root;
  const std::string refused = code(Code::NotPermitted);
  CHECK((**root.get_flags(world.call)).bits == Flags::kRead);
  for (const auto& [flags, how] : std::vector<std::pair<std::uint32_t, std::uint32_t>>{
           {Flags::kWrite, 0},
           {Flags::kRead, Open::kCreate},
           {Flags::kRead, Open::kTruncate},
           {Flags::kRead | Flags::kMutateDirectory, 0}
       }) {
    const auto opened = world.open("f", flags, how);
    REQUIRE_FALSE(opened);
    CHECK(opened.error() == Code::NotPermitted);
  }
  CHECK(told_by(root.create_directory_at(world.call, "d")) == refused);
  CHECK(told_by(root.unlink_file_at(world.call, "f")) == refused);
  CHECK(told_by(root.rename_at(world.call, "f", root, "g")) == refused);
  CHECK(told_by(root.link_at(world.call, kKeep, "f", root, "g")) == refused);
  CHECK(told_by(root.symlink_at(world.call, "f", "g")) == refused);
  CHECK(told_by(root.set_times_at(world.call, kKeep, "f", kNow, kNow)) == refused);
  CHECK(told_by(root.set_times(world.call, kNow, kNow)) == refused);
  CHECK(told_by(world.opened("f")->set_times(world.call, kNow, kNow)) == refused);
  CHECK(files::test::read_file(folder.at("f")) == "text");
}

TEST_CASE("open things are bounded") {
  const TempFolder folder;
  files::test::write_file(folder.at("f"), "text");
  World world(folder.at(""));
  std::vector<Own<fs_wit::Descriptor>> open;
  for (;;) {
    auto opened = world.open("f");
    if (!opened) {
      CHECK(opened.error() == Code::InsufficientMemory);
      break;
    }
    open.push_back(*std::move(opened));
  }
  CHECK(open.size() == HostMemory::kDefaultLimit / files::Handle::kCharge);
  open.clear();
  CHECK(world.memory.used() == 0);
  CHECK(world.open("f"));
}

struct Operation {
  const char* name;
  bool follows;  ///< succeeding means having reached what the path names
  bool changes;  ///< the tree, when it succeeds
  bool (*run)(World&, std::string_view);
};

const Operation kOperations[] = {
    {"open", true, false, [](World& w, std::string_view p) { return w.open(p).has_value(); }},
    {"stat",
     true,
     false,
     [](World& w, std::string_view p) {
       return told_by(w.root->stat_at(w.call, kFollow, p)) == "ok";
     }},
    {"hash",
     true,
     false,
     [](World& w, std::string_view p) {
       return told_by(w.root->metadata_hash_at(w.call, kFollow, p)) == "ok";
     }},
    {"readlink",
     false,
     false,
     [](World& w, std::string_view p) {
       const auto contents = *w.root->readlink_at(w.call, p);
       CHECK_FALSE((contents && contents->starts_with('/')));
       return contents.has_value();
     }},
    {"create",
     true,
     true,
     [](World& w, std::string_view p) {
       return w.open(p, Flags::kRead | Flags::kWrite, Open::kCreate).has_value();
     }},
    {"truncate",
     true,
     true,
     [](World& w, std::string_view p) {
       return w.open(p, Flags::kWrite, Open::kTruncate).has_value();
     }},
    {"mkdir",
     false,
     true,
     [](World& w, std::string_view p) {
       return told_by(w.root->create_directory_at(w.call, p)) == "ok";
     }},
    {"rmdir",
     false,
     true,
     [](World& w, std::string_view p) {
       return told_by(w.root->remove_directory_at(w.call, p)) == "ok";
     }},
    {"unlink",
     false,
     true,
     [](World& w, std::string_view p) { return told_by(w.root->unlink_file_at(w.call, p)) == "ok"; }
    },
    {"set times",
     true,
     true,
     [](World& w, std::string_view p) {
       return told_by(w.root->set_times_at(w.call, kFollow, p, kNow, kNow)) == "ok";
     }},
    {"rename from",
     false,
     true,
     [](World& w, std::string_view p) {
       return told_by(w.root->rename_at(w.call, p, *w.root, "renamed")) == "ok";
     }},
    {"rename to",
     false,
     true,
     [](World& w, std::string_view p) {
       return told_by(w.root->rename_at(w.call, "file", *w.root, p)) == "ok";
     }},
    {"link from",
     false,
     true,
     [](World& w, std::string_view p) {
       return told_by(w.root->link_at(w.call, kKeep, p, *w.root, "linked")) == "ok";
     }},
    {"link to",
     false,
     true,
     [](World& w, std::string_view p) {
       return told_by(w.root->link_at(w.call, kKeep, "file", *w.root, p)) == "ok";
     }},
    {"symlink at",
     false,
     true,
     [](World& w, std::string_view p) {
       return told_by(w.root->symlink_at(w.call, "file", p)) == "ok";
     }},
};

TEST_CASE("no path leads out of a folder of WASI 0.2") {
  const TempFolder folder;
  files::test::Tree tree(folder);
  std::size_t cases = 0;
  for (const std::string& path : files::test::corpus(tree)) {
    const bool leads_out = tree.leads_out(path);
    const bool may_change = tree.may_change(path);
    for (const Operation& operation : kOperations) {
      if (operation.changes && !may_change) {
        continue;
      }
      World world(tree.at("root"));
      const bool succeeded = operation.run(world, path);
      ++cases;
      if (!tree.outside_is_untouched() || (operation.follows && leads_out && succeeded)) {
        CAPTURE(path);
        FAIL_CHECK("escaped by " << operation.name);
      }
      if (succeeded && operation.changes) {
        tree.rebuild();
      }
    }
  }
  MESSAGE(cases << " cases");
  CHECK(cases >= 5'000);
}

}  // namespace
}  // namespace whorl::wasi::p2
