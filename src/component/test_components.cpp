#include "component/test_components.hpp"

namespace whorl::component::testing {
namespace {

Wasm core_func_type(const Guest::CoreFunc& type) {
  Wasm out{0x60};
  for (const auto& side : {type.params, type.results}) {
    out.leb(static_cast<std::uint32_t>(side.size()));
    for (const int code : side) {
      out.byte(code);
    }
  }
  return out;
}

/// call host.log(16, 5)
constexpr int kCallLog[] = {0x41, 16, 0x41, 5, 0x10, 0};

Wasm log_body(std::initializer_list<int> then) {
  Wasm code{0};
  for (const int value : kCallLog) {
    code.byte(value);
  }
  code.add(Wasm(then)).byte(0x0b);
  Wasm out;
  return out.leb(static_cast<std::uint32_t>(code.bytes().size())).add(code);
}

Wasm hello_data() {
  return section(11, Wasm{1, 0, 0x41, 16, 0x0b, 5, 'h', 'e', 'l', 'l', 'o'});
}

Bytes main_module(const Guest& guest) {
  const bool plain_log = guest.log_import_type == 0;
  const Wasm run = guest.run_type.results.empty() ? body({}) : body({0x41, 7});
  Parts sections = {
      section(
          1,
          vec(
              {func_type({0x7f, 0x7f}, {}),
               func_type({}, {0x7f}),
               func_type({0x7f}, {}),
               func_type({}, {}),
               core_func_type(guest.run_type)}
          )
      ),
      section(
          2,
          vec({func_import("host", "log", guest.log_import_type), func_import("host", "drop", 2)})
      ),
      section(3, vec({Wasm{3}, Wasm{4}})),
      section(5, vec({guest.memory})),
      section(
          7, vec({core_export("memory", 2, 0), core_export("init", 0, 2), core_export("run", 0, 3)})
      ),
  };
  if (guest.start == WithStart::Yes) {
    sections.push_back(section(8, Wasm{2}));
  }
  sections.push_back(
      section(10, vec({plain_log ? log_body({}) : body({}), plain_log ? log_body({0x41, 7}) : run}))
  );
  sections.push_back(hello_data());
  return module(sections);
}

/// Imports main's memory and has a data segment.
Bytes data_module() {
  const Wasm import = Wasm().name("main").name("memory").add({2, 0, 1});
  return module({section(2, vec({import})), section(11, Wasm{1, 0, 0x41, 32, 0x0b, 1, 'x'})});
}

/// (instance (export "thing" (type (sub resource))) (export "log" (func (param "text" P))))
Wasm interface_type(const Guest& guest) {
  Wasm func{1, 0x40, 1};
  func.name("text").add(guest.param).add({1, 0});
  Wasm resource{4, 0};
  resource.name(guest.resource).add({3, 1});
  Wasm out{0x42};
  return out.add(vec({resource, func, export_func(guest.function, 1)}));
}

/// A component that imports a function and exports it again under another name, with its type.
Bytes reexporting_component() {
  const Wasm type = section(7, vec({Wasm{0x40, 0, 0, 0x79}}));
  return component({
      type,
      section(10, vec({Wasm{0}.name("import-run").add({1, 0})})),
      section(11, vec({Wasm{0}.name("run").add({1, 0, 1, 1, 0})})),
  });
}

Wasm instance_argument(std::string_view name, std::uint32_t instance) {
  return Wasm().name(name).byte(0x12).leb(instance);
}
Wasm item(std::string_view name, int sort, std::uint32_t index) {
  return Wasm().name(name).byte(sort).leb(index);
}

}  // namespace

Bytes Guest::bytes() const {
  Parts out = {
      section(7, vec({interface_type(*this)})),
      section(10, vec({import_instance(interface, 0)})),
  };
  std::uint32_t types = 1;
  if (!extra_import.empty()) {
    out.push_back(section(7, vec({Wasm{0x42, 1}.add(Wasm{4, 0}.name("t").add({3, 1}))})));
    out.push_back(section(10, vec({import_instance(extra_import, types)})));
    ++types;
  }
  out.push_back(section(6, vec({alias_export(3, 0, resource), alias_export(1, 0, function)})));
  const std::uint32_t resource_type = types++;
  out.push_back(section(1, raw(main_module(*this))));
  out.push_back(section(1, raw(shim)));
  out.push_back(section(1, raw(fixup_module(1, fixup_start))));
  // Core instance 0: shim; 1: main's imports; 2: main.
  out.push_back(section(2, vec({Wasm{0, 1, 0}})));
  out.push_back(section(6, vec({alias_core_export(0, 0, "0")})));
  out.push_back(section(8, vec({Wasm{3}.leb(resource_type)})));
  out.push_back(section(2, vec({Wasm{1}.add(vec({item("log", 0, 0), item("drop", 0, 1)}))})));
  out.push_back(section(2, vec({Wasm{0, 0}.add(vec({instance_argument("host", 1)}))})));
  // Core functions: 0 shim's, 1 drop, 2 log with memory, 3 run, 4 init.
  out.push_back(section(6, vec({alias_core_export(2, 2, "memory")})));
  out.push_back(section(8, vec({Wasm{1, 0, 0}.add(lower_options)})));
  out.push_back(section(
      6,
      vec(
          {alias_core_export(0, 2, "run"),
           alias_core_export(0, 2, "init"),
           alias_core_export(1, 0, "$imports")}
      )
  ));
  // Core instances 3: what the fix-up imports; 4: the fix-up.
  out.push_back(section(
      2,
      vec(
          {Wasm{1}.add(vec({item("0", 0, 2), item("$imports", 1, 0)})),
           Wasm{0, 2}.add(vec({instance_argument("", 3), instance_argument("main", 2)}))}
      )
  ));
  if (late_data) {
    out.push_back(section(1, raw(data_module())));
    out.push_back(section(2, vec({Wasm{0, 3}.add(vec({instance_argument("main", 2)}))})));
  }
  const std::uint32_t run_type_index = types++;
  out.push_back(section(7, vec({Wasm{0x40, 0, 0, 0x79}})));
  out.push_back(section(8, vec({Wasm{0, 0, 3}.add(lift_options).leb(run_type_index)})));
  if (reexport) {
    out.push_back(section(4, raw(reexporting_component())));
    out.push_back(section(5, vec({Wasm{0, 0}.add(vec({item("import-run", 1, 1)}))})));
  } else {
    out.push_back(section(5, vec({Wasm{1}.add(vec({Wasm{0}.add(item("run", 1, 1))}))})));
  }
  const std::uint32_t instance = extra_import.empty() ? 1 : 2;
  out.push_back(
      section(11, vec({Wasm{0}.name("test:guest/run@1.0.0").byte(5).leb(instance).byte(0)}))
  );
  return component(out);
}

Bytes almost_shim() {
  return module({
      section(1, vec({func_type({0x7f, 0x7f}, {})})),
      section(3, vec({Wasm{0}})),
      section(4, vec({Wasm{0x70, 1, 1, 1}})),
      section(5, vec({Wasm{0, 1}})),
      section(7, vec({core_export("0", 0, 0), core_export("$imports", 1, 0)})),
      section(10, vec({body({0x20, 0, 0x20, 1, 0x41, 0, 0x11, 0, 0})})),
  });
}

Bytes world_of(const Guest& guest, int encoding) {
  const Wasm run_interface =
      Wasm{0x42}.add(vec({Wasm{1, 0x40, 0, 0, 0x79}, export_func("run", 0)}));
  const Wasm world = Wasm{0x41}.add(vec({
      Wasm{1}.add(interface_type(guest)),
      Wasm{3}.add(import_instance(guest.interface, 0)),
      Wasm{1}.add(run_interface),
      Wasm{4, 0}.name("test:guest/run@1.0.0").add({5, 1}),
  }));
  const Wasm outer =
      Wasm{0x41}.add(vec({Wasm{1}.add(world), Wasm{4, 0}.name("test:guest/world").add({4, 0})}));
  return component({
      section(0, Wasm().name("wit-component-encoding").add({4, encoding})),
      section(7, vec({outer})),
      section(11, vec({Wasm{0}.name("world").add({3, 0, 0})})),
  });
}

Bytes bare_module(const BareModule& parts) {
  Parts sections = {
      section(
          1,
          vec(
              {func_type({0x7f, 0x7f}, {}),
               func_type({}, {0x7f}),
               func_type({0x7f}, {}),
               func_type({}, {})}
          )
      ),
      section(
          2,
          vec(
              {func_import(parts.import_module, parts.import_name, 0),
               func_import("test:host/log@1.0.0", "[resource-drop]thing", 2)}
          )
      ),
      section(3, vec({Wasm{3}, Wasm{1}})),
      section(5, vec({Wasm{0, 1}})),
      section(
          7,
          vec(
              {core_export("memory", 2, 0),
               core_export("_initialize", 0, 2),
               core_export(parts.export_name, 0, 3)}
          )
      ),
      section(10, vec({log_body({}), log_body({0x41, 7})})),
      hello_data(),
  };
  if (!parts.component_type.empty()) {
    sections.push_back(section(0, Wasm().name("component-type:test").add(raw(parts.component_type)))
    );
  }
  return module(sections);
}

}  // namespace whorl::component::testing
