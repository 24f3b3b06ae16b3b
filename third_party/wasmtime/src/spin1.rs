//! Modules of Spin 1, of 2022 and 2023: they import and export functions under names of their own,
//! and are given the names that these have today, and a description of their world.
use anyhow::{Context, Result, anyhow};
use std::convert::Infallible;
use std::fmt::Write;
use wasi_preview1_component_adapter_provider::WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME as PREVIEW1;
use wasm_encoder::reencode::{self, Reencode};
use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, CustomSection, ElementSection, ExportKind, ExportSection,
    Function, FunctionSection, GlobalSection, GlobalType, ImportSection, MemArg, Module,
    RawSection, StartSection, TypeSection, ValType,
};
use wasmparser::{ExternalKind, Parser, Payload, TypeRef};
use wit_component::{StringEncoding, metadata};
use wit_parser::{Resolve, SourceMap};

/// The interfaces that modules of Spin 1 know. Value for value, their functions have the canonical
/// ABI of these.
const WIT: &[(&str, &str)] = &[
    ("config.wit", include_str!("../wit/config.wit")),
    ("http-types.wit", include_str!("../wit/http-types.wit")),
    ("http.wit", include_str!("../wit/http.wit")),
    ("inbound-http.wit", include_str!("../wit/inbound-http.wit")),
    ("key-value.wit", include_str!("../wit/key-value.wit")),
    ("llm.wit", include_str!("../wit/llm.wit")),
    ("mysql.wit", include_str!("../wit/mysql.wit")),
    ("postgres.wit", include_str!("../wit/postgres.wit")),
    ("rdbms-types.wit", include_str!("../wit/rdbms-types.wit")),
    ("redis-types.wit", include_str!("../wit/redis-types.wit")),
    ("redis.wit", include_str!("../wit/redis.wit")),
    ("sqlite.wit", include_str!("../wit/sqlite.wit")),
    ("inbound-redis.wit", INBOUND_REDIS_WIT),
];
const INBOUND_REDIS_WIT: &str = "package fermyon:spin;
interface inbound-redis {
  use redis-types.{error, payload};
  handle-message: func(message: payload) -> result<_, error>;
}
";

/// What modules of Spin 1 import from, and the interface that it is.
const IMPORTS: &[(&str, &str)] = &[
    ("key-value", "key-value"),
    ("llm", "llm"),
    ("outbound-mysql", "mysql"),
    ("outbound-pg", "postgres"),
    ("outbound-redis", "redis"),
    ("spin-config", "config"),
    ("sqlite", "sqlite"),
    ("wasi-outbound-http", "http"),
];

/// What they export: the name, the interface, the function.
const EXPORTS: &[(&str, &str, &str)] = &[
    ("handle-http-request", "inbound-http", "handle-request"),
    ("handle-redis-message", "inbound-redis", "handle-message"),
];

/// The interface and the function that an import of Spin 1 is today; nothing for what is none.
fn current_import<'a>(module: &str, name: &'a str) -> Option<(String, &'a str)> {
    let (_, interface) = IMPORTS.iter().find(|(known, _)| *known == module)?;
    let function = match (module, name) {
        ("wasi-outbound-http", "request") => "send-request",
        _ => name,
    };
    Some((format!("fermyon:spin/{interface}"), function))
}

/// The description of a world that has these exports and may import all of Spin 1.
fn world(exports: &[&str]) -> Result<Vec<u8>> {
    let mut world = String::from("package fermyon:spin;\nworld spin1 {\n");
    for (_, interface) in IMPORTS {
        writeln!(world, "  import {interface};")?;
    }
    for interface in exports {
        writeln!(world, "  export {interface};")?;
    }
    world.push_str("}\n");
    let mut sources = SourceMap::default();
    for (file, text) in WIT {
        sources.push_str(file, *text);
    }
    sources.push_str("world.wit", &world);
    let mut resolve = Resolve::default();
    let group = sources.parse().map_err(|(_, error)| anyhow!("{error}"))?;
    let package = resolve
        .push_group(group)
        .map_err(|error| anyhow!("{error}"))?;
    let world = resolve.select_world(&[package], Some("spin1"))?;
    metadata::encode(&resolve, world, StringEncoding::UTF8, None)
}

/// What gives a host memory of the module's, in such modules and today.
pub const OLD_REALLOC: &str = "canonical_abi_realloc";
pub const REALLOC: &str = "cabi_realloc";

/// Functions that constructors call, and what they answer while a host allocates. The linkers of
/// that time made every export one that runs the constructors first; of these two ask for the
/// environment and for folders, which no component may in its allocator. They are run again for
/// the handler, and ask again.
const ASKED_EARLY: &[(&str, Early)] = &[
    ("environ_sizes_get", Early::NoneOfTwo),
    ("environ_get", Early::Done),
    ("fd_prestat_get", Early::BadFile),
];
#[derive(Clone, Copy)]
enum Early {
    /// Two counts, which are 0.
    NoneOfTwo,
    Done,
    BadFile,
}
const BAD_FILE: i32 = 8;

/// How much there is of everything in a module, which is where new things are appended.
#[derive(Default)]
struct Survey {
    types: u32,
    imported: u32,
    defined: u32,
    globals: u32,
    /// Imports that are asked early, by their index.
    asked: Vec<(u32, Early)>,
    allocator: Option<u32>,
}

impl Survey {
    fn of(module: &[u8]) -> Result<Survey> {
        let mut out = Survey::default();
        for payload in Parser::new(0).parse_all(module) {
            match payload? {
                Payload::TypeSection(section) => {
                    for group in section {
                        out.types += group?.types().len() as u32;
                    }
                }
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        let import = import?;
                        out.globals += u32::from(matches!(import.ty, TypeRef::Global(_)));
                        if matches!(import.ty, TypeRef::Func(_)) {
                            let asked = ASKED_EARLY.iter().find(|(name, _)| *name == import.name);
                            if let (PREVIEW1, Some((_, early))) = (import.module, asked) {
                                out.asked.push((out.imported, *early));
                            }
                            out.imported += 1;
                        }
                    }
                }
                Payload::FunctionSection(section) => out.defined = section.count(),
                Payload::GlobalSection(section) => out.globals += section.count(),
                Payload::ExportSection(section) => {
                    for export in section {
                        let export = export?;
                        if export.name == OLD_REALLOC && export.kind == ExternalKind::Func {
                            out.allocator = Some(export.index);
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(out)
    }

    /// The allocator, if functions can be appended for its sake.
    fn own_allocator(&self) -> Option<u32> {
        self.allocator
            .filter(|&index| self.defined > 0 && index >= self.imported)
    }
    fn first_new_function(&self) -> u32 {
        self.imported + self.defined
    }
}

/// Has the module call what is asked early through new functions, which come after its own: the
/// allocator that the host calls is the first of them. A new global says whether it runs.
struct Guarded {
    survey: Survey,
}

impl Reencode for Guarded {
    type Error = Infallible;

    fn function_index(&mut self, index: u32) -> Result<u32, reencode::Error<Infallible>> {
        let place = self
            .survey
            .asked
            .iter()
            .position(|(asked, _)| *asked == index);
        Ok(match (place, self.survey.own_allocator()) {
            (Some(place), Some(_)) => self.survey.first_new_function() + 1 + place as u32,
            _ => index,
        })
    }
}

impl Guarded {
    fn write_types(&self, types: &mut TypeSection) {
        if self.survey.own_allocator().is_some() {
            types.ty().function([ValType::I32; 4], [ValType::I32]);
            types.ty().function([ValType::I32; 2], [ValType::I32]);
        }
    }
    fn write_functions(&self, functions: &mut FunctionSection) {
        if self.survey.own_allocator().is_some() {
            functions.function(self.survey.types);
            for _ in &self.survey.asked {
                functions.function(self.survey.types + 1);
            }
        }
    }
    fn write_globals(&self, globals: &mut GlobalSection) {
        if self.survey.own_allocator().is_some() {
            let kind = GlobalType {
                val_type: ValType::I32,
                mutable: true,
                shared: false,
            };
            globals.global(kind, &ConstExpr::i32_const(0));
        }
    }
    fn write_code(&self, code: &mut CodeSection) {
        let Some(allocator) = self.survey.own_allocator() else {
            return;
        };
        let is_allocating = self.survey.globals;
        let mut outer = Function::new([]);
        let mut body = outer.instructions();
        body.i32_const(1).global_set(is_allocating);
        body.local_get(0).local_get(1).local_get(2).local_get(3);
        body.call(allocator);
        body.i32_const(0).global_set(is_allocating).end();
        code.function(&outer);
        for &(import, early) in &self.survey.asked {
            let mut asking = Function::new([]);
            let mut body = asking.instructions();
            body.global_get(is_allocating);
            body.if_(BlockType::Result(ValType::I32));
            if let Early::NoneOfTwo = early {
                let count = MemArg {
                    offset: 0,
                    align: 2,
                    memory_index: 0,
                };
                body.local_get(0).i32_const(0).i32_store(count);
                body.local_get(1).i32_const(0).i32_store(count);
            }
            body.i32_const(if let Early::BadFile = early {
                BAD_FILE
            } else {
                0
            });
            body.else_().local_get(0).local_get(1).call(import);
            body.end().end();
            code.function(&asking);
        }
    }
}

/// A module of Spin 1 under the names that its imports and exports have today.
/// @param undecided  what to say of a module with imports that nothing is known of
pub fn modernized(module: &[u8], undecided: &'static str) -> Result<Vec<u8>> {
    let mut guarded = Guarded {
        survey: Survey::of(module)?,
    };
    let mut out = Module::new();
    let mut code = CodeSection::new();
    let mut has_globals = false;
    let mut exported = Vec::new();
    for payload in Parser::new(0).parse_all(module) {
        match payload? {
            Payload::TypeSection(section) => {
                let mut types = TypeSection::new();
                guarded.parse_type_section(&mut types, section)?;
                guarded.write_types(&mut types);
                out.section(&types);
            }
            Payload::ImportSection(section) => {
                let mut imports = ImportSection::new();
                for import in section.into_imports() {
                    let import = import?;
                    let kind = guarded.entity_type(import.ty)?;
                    if import.module == PREVIEW1 {
                        imports.import(import.module, import.name, kind);
                        continue;
                    }
                    let (interface, function) = current_import(import.module, import.name)
                        .ok_or_else(|| unknown_import(import.module, import.name))
                        .context(undecided)?;
                    imports.import(&interface, function, kind);
                }
                out.section(&imports);
            }
            Payload::FunctionSection(section) => {
                let mut functions = FunctionSection::new();
                guarded.parse_function_section(&mut functions, section)?;
                guarded.write_functions(&mut functions);
                out.section(&functions);
            }
            Payload::GlobalSection(section) => {
                let mut globals = GlobalSection::new();
                guarded.parse_global_section(&mut globals, section)?;
                guarded.write_globals(&mut globals);
                out.section(&globals);
                has_globals = true;
            }
            Payload::ExportSection(section) => {
                if !has_globals {
                    let mut globals = GlobalSection::new();
                    guarded.write_globals(&mut globals);
                    out.section(&globals);
                }
                let mut exports = ExportSection::new();
                for export in section {
                    let export = export?;
                    let kind = guarded.export_kind(export.kind)?;
                    let index = guarded.external_index(export.kind, export.index)?;
                    let known = EXPORTS.iter().find(|(name, ..)| *name == export.name);
                    if let Some((_, interface, function)) = known {
                        exported.push(*interface);
                        let name = format!("fermyon:spin/{interface}#{function}");
                        exports.export(&name, kind, index);
                    } else if guarded.survey.allocator.is_none()
                        || ![OLD_REALLOC, REALLOC].contains(&export.name)
                    {
                        exports.export(export.name, kind, index);
                    }
                }
                if let Some(allocator) = guarded.survey.allocator {
                    let own = guarded.survey.own_allocator();
                    let index = own.map_or(allocator, |_| guarded.survey.first_new_function());
                    exports.export(REALLOC, ExportKind::Func, index);
                }
                out.section(&exports);
            }
            Payload::StartSection { func, .. } => {
                let function_index = guarded.start_section(func)?;
                out.section(&StartSection { function_index });
            }
            Payload::ElementSection(section) => {
                let mut elements = ElementSection::new();
                guarded.parse_element_section(&mut elements, section)?;
                out.section(&elements);
            }
            Payload::CodeSectionStart { .. } => {}
            Payload::CodeSectionEntry(body) => {
                guarded.parse_function_body(&mut code, body)?;
                if code.len() == guarded.survey.defined {
                    guarded.write_code(&mut code);
                    out.section(&code);
                }
            }
            other => {
                if let Some((id, range)) = other.as_section() {
                    let data = &module[range];
                    out.section(&RawSection { id, data });
                }
            }
        }
    }
    out.section(&CustomSection {
        name: "component-type:spin1".into(),
        data: world(&exported)?.into(),
    });
    Ok(out.finish())
}

fn unknown_import(module: &str, name: &str) -> anyhow::Error {
    anyhow!(
        "nothing is known of its import `{module}::{name}`: the module does not say which \
         generator of bindings made it, and modules of Spin 1 have no such import"
    )
}
