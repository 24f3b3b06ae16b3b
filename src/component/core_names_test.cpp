#include "component/core_names.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>

namespace whorl::component {
namespace {

/// "async stream.read 2 of fetch", or "-" for what cannot be read.
std::string shown(std::string_view name, CoreScheme scheme = CoreScheme::Brackets) {
  const auto read = parse_core_import(scheme, name);
  if (!read) {
    return "-";
  }
  std::string out = read->is_async ? "async " : read->is_cancellable ? "cancellable " : "";
  out += ir::to_string(read->op);
  if (read->payload) {
    out += fmt::format(" {}", *read->payload);
  }
  if (!read->function.empty()) {
    out += fmt::format(" of {}", read->function);
  }
  if (read->core_type != 0) {
    out += fmt::format(" {:#x} {}", read->core_type, read->slot);
  }
  if (read->encoding != StringEncoding::Utf8) {
    out += fmt::format(" encoding {}", static_cast<int>(read->encoding));
  }
  return out;
}

TEST_CASE("names of imports") {
  struct Row {
    const char* name;
    const char* read;
  };
  const Row rows[] = {
      {"log", "lower of log"},
      {"[async-lower]log", "async lower of log"},
      {"[method]request.get-method", "lower of [method]request.get-method"},
      {"[async-lower][static]request.consume", "async lower of [static]request.consume"},
      {"[resource-drop]fields", "resource.drop of fields"},
      {"[resource-new]r", "resource.new of r"},
      {"[resource-rep]r", "resource.rep of r"},
      {"[resource-drop-own]r", "resource.drop of r"},
      {"[resource-drop-borrow]r", "resource.drop of r"},
      {"[", "lower of ["},
      {"[]x", "lower of []x"},
      {"[future-new-1][static]request.new", "future.new 1 of [static]request.new"},
      {"[async-lower][future-read-12][static]request.new",
       "async future.read 12 of [static]request.new"},
      {"[stream-write-0]read-via-stream", "stream.write 0 of read-via-stream"},
      {"[stream-cancel-write-0]f", "stream.cancel-write 0 of f"},
      {"[stream-new-unit]", "stream.new"},
      {"[future-drop-readable-unit]f", "future.drop-readable of f"},
      {"[task-return]handle", "task.return of handle"},
      {"[task-cancel]", "task.cancel"},
      {"[waitable-set-poll]", "waitable-set.poll"},
      {"[cancellable][waitable-set-wait]", "cancellable waitable-set.wait"},
      {"[async-lower][subtask-cancel]", "async subtask.cancel"},
      {"[context-get-0]", "context.get 0x7f 0"},
      {"[context-set-i32-1]", "context.set 0x7f 1"},
      {"[context-get-i64-1]", "context.get 0x7e 1"},
      {"[cancellable][thread-yield]", "cancellable thread.yield"},
      {"[thread-new-indirect-v0]", "thread.new-indirect"},
      {"[error-context-new-latin1+utf16]", "error-context.new encoding 2"},
      // What cannot be read:
      {"[async-lower][task-cancel]", "-"},
      {"[async-lower][stream-new-0]f", "-"},
      {"[cancellable][waitable-join]", "-"},
      {"[cancellable]f", "-"},
      {"[cancellable][async-lower]f", "-"},
      {"[task-cancel]x", "-"},
      {"[context-get-]", "-"},
      {"[context-get--1]", "-"},
      {"[context-get-0]x", "-"},
      {"[stream-read-]f", "-"},
      {"[stream-read-4294967296]f", "-"},
      {"[stream-read- 1]f", "-"},
      {"[something-new]", "-"},
      {"[resource-new]", "-"},
      {"[async-lower][resource-drop]r", "-"},
      {"[cancellable][resource-drop]r", "-"},
  };
  for (const Row& row : rows) {
    CHECK_MESSAGE(shown(row.name) == row.read, row.name);
  }
}

TEST_CASE("names of imports in the standard scheme") {
  struct Row {
    const char* name;
    const char* read;
  };
  const Row rows[] = {
      {"frob", "lower of frob"},
      {"[constructor]r", "lower of [constructor]r"},
      {"[method]r.m", "lower of [method]r.m"},
      {"[static]r.s", "lower of [static]r.s"},
      {"r_drop", "resource.drop of r"},
      {"r_new", "resource.new of r"},
      {"a-b_rep", "resource.rep of a-b"},
      // No asynchronous names are defined; what looks like one is a function that nobody has.
      {"[async-lower]f", "lower of [async-lower]f"},
      {"", "-"},
      {"_drop", "-"},
  };
  for (const Row& row : rows) {
    CHECK_MESSAGE(shown(row.name, CoreScheme::Standard) == row.read, row.name);
  }
}

TEST_CASE("modules of imports") {
  struct Row {
    const char* name;
    const char* read;  ///< scheme, "for exports", interface
  };
  const auto read = [](const char* name) {
    const auto parsed = parse_core_module(name);
    return !parsed ? std::string("-")
                   : fmt::format(
                         "{}{} {}",
                         parsed->scheme == CoreScheme::Standard ? "standard" : "brackets",
                         parsed->for_exports ? " exports" : "",
                         parsed->interface
                     );
  };
  const Row rows[] = {
      {"$root", "brackets "},
      {"a:b/c@0.2.1", "brackets a:b/c@0.2.1"},
      {"j", "brackets j"},
      {"[export]a:b/c@0.2.1", "brackets exports a:b/c@0.2.1"},
      {"[export]$root", "brackets exports "},
      {"cm32p2", "standard "},
      {"cm32p2|a:b/c@0.2", "standard a:b/c@0.2"},
      {"cm32p2|j", "standard j"},
      {"cm32p2|_ex_a:b/c@0.2", "standard exports a:b/c@0.2"},
      {"cm32p2|_ex_j", "standard exports j"},
      {"cm32p2|", "-"},
      {"cm32p2|_ex_", "-"},
      {"cm32p2x", "-"},
      {"cm32p2_memory", "-"},
  };
  for (const Row& row : rows) {
    CHECK_MESSAGE(read(row.name) == row.read, row.name);
  }
}

TEST_CASE("names of exports") {
  using Lift = CoreExportName::Lift;
  struct Row {
    const char* name;
    Lift lift;
    const char* interface;
    const char* function;
  };
  const Row rows[] = {
      {"run", Lift::Plain, "", "run"},
      {"a:b/c@1.0.0#run", Lift::Plain, "a:b/c@1.0.0", "run"},
      {"[async-lift]a:b/c#run", Lift::Callback, "a:b/c", "run"},
      {"[async-lift-stackful]a:b/c#[method]r.run", Lift::Stackful, "a:b/c", "[method]r.run"},
      {"[callback][async-lift]a:b/c#run", Lift::Accessory, "[callback][async-lift]a:b/c", "run"},
      {"cabi_post_a:b/c#run", Lift::Accessory, "cabi_post_a:b/c", "run"},
      {"a:b/c@1.0.0#[dtor]r", Lift::Destructor, "a:b/c@1.0.0", "r"},
      {"a:b/c#[constructor]r", Lift::Plain, "a:b/c", "[constructor]r"},
      {"cm32p2||g", Lift::Plain, "", "g"},
      {"cm32p2||g_post", Lift::Accessory, "", "g_post"},
      {"cm32p2|a:b/c@0.2|frob", Lift::Plain, "a:b/c@0.2", "frob"},
      {"cm32p2|a:b/c@0.2|frob_post", Lift::Accessory, "a:b/c@0.2", "frob_post"},
      {"cm32p2|a:b/c@0.2|[method]r.m", Lift::Plain, "a:b/c@0.2", "[method]r.m"},
      {"cm32p2|a:b/c@0.2|r_dtor", Lift::Destructor, "a:b/c@0.2", "r"},
      {"cm32p2|j|r_dtor", Lift::Destructor, "j", "r"},
      {"cm32p2_realloc", Lift::Accessory, "", ""},
      {"cm32p2_initialize", Lift::Accessory, "", ""},
      {"cm32p2|j", Lift::Accessory, "", ""},
  };
  for (const Row& row : rows) {
    const CoreExportName read = parse_core_export(row.name);
    CHECK_MESSAGE(read.lift == row.lift, row.name);
    CHECK(read.interface == row.interface);
    CHECK(read.function == row.function);
  }
}

TEST_CASE("the label of a world") {
  CHECK(world_label("a:b/world@1.0.0") == "world");
  CHECK(world_label("a:b/world") == "world");
  CHECK(world_label("world") == "world");
  CHECK(world_label("a:b/") == "");
}

TEST_CASE("what a post-return is called") {
  CHECK(post_return_name("run") == "cabi_post_run");
  CHECK(post_return_name("a:b/c@1.0.0#run") == "cabi_post_a:b/c@1.0.0#run");
  CHECK(post_return_name("cm32p2||g") == "cm32p2||g_post");
  CHECK(post_return_name("cm32p2|j|[method]r.m") == "cm32p2|j|[method]r.m_post");
}

TypeRef made(TypeKind kind, TypeRef element = nullptr, TypeRef other = nullptr) {
  auto out = std::make_shared<Type>();
  out->kind = kind;
  out->element = std::move(element);
  out->other = std::move(other);
  return out;
}

TEST_CASE("streams and futures are counted through a function's type") {
  const TypeRef inner = made(TypeKind::Future, made(TypeKind::U8));
  const TypeRef outer = made(TypeKind::Stream, inner);
  const TypeRef both = made(TypeKind::Result, outer, made(TypeKind::Option, inner));
  FuncShape shape;
  shape.params = {{"a", made(TypeKind::U8)}, {"b", both}};
  shape.result = made(TypeKind::Stream);
  std::size_t steps = 0;
  CHECK(find_payload(shape, 0, steps) == inner);
  CHECK(find_payload(shape, 1, steps) == outer);
  CHECK(find_payload(shape, 2, steps) == inner);
  CHECK(find_payload(shape, 3, steps) == shape.result);
  CHECK(find_payload(shape, 4, steps) == nullptr);
  CHECK(steps > 0);
  CHECK(find_payload({}, 0, steps) == nullptr);
}

TEST_CASE("a type in which a stream occurs 2^40 times is counted in a moment") {
  TypeRef type = made(TypeKind::Stream);
  for (int i = 0; i < 40; ++i) {
    type = made(TypeKind::Result, type, type);
  }
  FuncShape shape;
  shape.params = {{"a", type}, {"b", type}};
  std::size_t steps = 0;
  CHECK(find_payload(shape, 0x7fff'ffff, steps)->kind == TypeKind::Stream);
  CHECK(steps < 400);
}

}  // namespace
}  // namespace whorl::component
