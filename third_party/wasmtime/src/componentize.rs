//! Makes a component of a core module, as hosts expect that know components only.
//!
//! What a module is decides how: bindings of wit-bindgen since 0.5 say their world themselves, a
//! command has `_start` and no bindings, and the modules of 2022 and 2023 import and export
//! functions of Spin 1 under names of their own. All three take WASI preview 1 from an adapter.
use crate::spin1;
use anyhow::{Context, Result, bail, ensure};
use std::borrow::Cow;
use std::cell::Cell;
use std::panic;
use std::sync::Once;
use wasi_preview1_component_adapter_provider as adapters;
use wasm_encoder::{CustomSection, Module};
use wasm_metadata::Producers;
use wasmparser::{Encoding, ExternalKind, Parser, Payload};
use wasmtime_c_api::wasm_byte_vec_t;
use wit_component::{ComponentEncoder, metadata};

/// What a module may have at most. Every step holds copies of it.
const MAX_MODULE: usize = 512 << 20;
/// What descriptions of worlds may have at most, all sections together: real ones have kilobytes,
/// and what is made of them is larger than they are.
const MAX_WORLDS: usize = 4 << 20;

const PREVIEW1: &str = adapters::WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME;
const UNDECIDED: &str = "failed to decode world from module";

// --- What a module is ----------------------------------------------------------------------------

/// How a module becomes a component.
enum Kind {
    /// It describes its world.
    Described,
    /// A program with a `main`.
    Command,
    Spin1,
}

/// What of a module decides that.
#[derive(Default)]
struct Traits {
    generator: Option<String>,
    clang: Option<String>,
    is_described: bool,
    has_realloc: bool,
    has_start: bool,
}

impl Traits {
    fn of(module: &[u8]) -> Result<Traits> {
        let mut out = Traits::default();
        let mut described = 0;
        for payload in Parser::new(0).parse_all(module) {
            match payload.context("unable to parse binary")? {
                Payload::Version { encoding, .. } => {
                    ensure!(encoding == Encoding::Module, "it is no core module");
                }
                Payload::ExportSection(section) => {
                    for export in section {
                        let export = export?;
                        if export.kind == ExternalKind::Func {
                            out.has_start |= export.name == "_start";
                            out.has_realloc |=
                                [spin1::REALLOC, spin1::OLD_REALLOC].contains(&export.name);
                        }
                    }
                }
                Payload::CustomSection(section) if section.name() == "producers" => {
                    let producers = Producers::from_bytes(section.data(), section.data_offset())?;
                    let clang = producers
                        .get("processed-by")
                        .and_then(|by| by.get("clang").cloned());
                    out.clang = clang.or(out.clang);
                }
                Payload::CustomSection(section) if section.name().starts_with("component-type") => {
                    described += section.data().len();
                    ensure!(
                        described <= MAX_WORLDS,
                        "it describes its worlds in more than {} MiB",
                        MAX_WORLDS >> 20
                    );
                    out.read_description(section.name(), section.data());
                }
                _ => {}
            }
        }
        Ok(out)
    }

    /// One that cannot be read says nothing here: the encoder tells what is wrong with it.
    fn read_description(&mut self, name: &str, data: &[u8]) {
        let mut alone = Module::new();
        alone.section(&CustomSection {
            name: name.into(),
            data: data.into(),
        });
        let Ok((_, world)) = metadata::decode(alone.as_slice()) else {
            return;
        };
        self.is_described = true;
        self.generator = world.producers.and_then(|producers| {
            let by = producers.get("processed-by")?;
            let (_, version) = by
                .iter()
                .find(|(tool, _)| tool.starts_with("wit-bindgen"))?;
            Some(version.clone())
        });
    }

    fn kind(&self) -> Result<Kind> {
        match self.generator.as_deref() {
            Some(version) if is_current_generator(version) => Ok(Kind::Described),
            Some(version) => {
                bail!("cannot adapt modules created with wit-bindgen version {version}")
            }
            None if self.has_start && !self.is_described && !self.has_realloc => {
                ensure!(
                    !self.clang.as_deref().is_some_and(has_broken_allocator),
                    "This Wasm module appears to have been compiled with wasi-sdk version <19 \
                     which contains a critical memory safety bug. For more information, see: \
                     https://github.com/spinframework/spin/issues/2552"
                );
                Ok(Kind::Command)
            }
            None => Ok(Kind::Spin1),
        }
    }
}

/// 0.5 and later, in two or three numbers.
fn is_current_generator(version: &str) -> bool {
    let parts: Vec<&str> = version.split('.').collect();
    let number = |part: &str| part.parse::<u8>().ok();
    (2..=3).contains(&parts.len())
        && number(parts[0]) == Some(0)
        && number(parts[1]).is_some_and(|minor| minor >= 5)
}

/// The C library that came with clang before 15.0.7 may give out memory that is in use.
fn has_broken_allocator(clang: &str) -> bool {
    let version = clang.split(' ').next().unwrap_or_default();
    let mut numbers = version
        .strip_suffix("-wasi-sdk")
        .unwrap_or(version)
        .split('.')
        .map(|part| part.parse::<u16>().ok());
    let mut next = || numbers.next().flatten();
    match (next(), next(), next()) {
        (Some(major), Some(minor), Some(patch)) => (major, minor, patch) < (15, 0, 7),
        _ => false,
    }
}

fn componentize(module: &[u8]) -> Result<Vec<u8>> {
    ensure!(
        module.len() <= MAX_MODULE,
        "it has more than {} MiB",
        MAX_MODULE >> 20
    );
    let command = adapters::WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER;
    let reactor = adapters::WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER;
    let (module, adapter) = match Traits::of(module)?.kind()? {
        Kind::Described => (Cow::Borrowed(module), reactor),
        Kind::Command => (Cow::Borrowed(module), command),
        Kind::Spin1 => (Cow::Owned(spin1::modernized(module, UNDECIDED)?), reactor),
    };
    ComponentEncoder::default()
        .validate(true)
        .module(&module)?
        .adapter(PREVIEW1, adapter)?
        .encode()
}

// --- The C function ------------------------------------------------------------------------------

thread_local! {
    static IS_ENCODING: Cell<bool> = const { Cell::new(false) };
}

/// A panic of the encoder is an error that our caller reports: nothing is printed.
fn silence_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let others = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !IS_ENCODING.get() {
                others(info);
            }
        }));
    });
}

/// Makes a component of a core module. Whatever the bytes are, it returns.
///
/// # Safety
/// `module` has `len` bytes. `out` may be written; whoever calls owns what is there then
/// (wasm_byte_vec_delete).
///
/// @return true: `out` is the component; false: `out` is text, a line for each cause, the first one
/// being the outermost
#[unsafe(no_mangle)]
pub unsafe extern "C" fn whorl_componentize(
    module: *const u8,
    len: usize,
    out: *mut wasm_byte_vec_t,
) -> bool {
    let module = match len {
        0 => &[],
        // SAFETY: the contract of this function.
        _ => unsafe { std::slice::from_raw_parts(module, len) },
    };
    silence_panics();
    IS_ENCODING.set(true);
    let made = panic::catch_unwind(|| componentize(module));
    IS_ENCODING.set(false);
    let made = made.unwrap_or_else(|_| bail!("the encoder of components failed at this module"));
    let is_made = made.is_ok();
    let bytes = made.unwrap_or_else(|error| {
        let causes: Vec<String> = error.chain().map(|cause| cause.to_string()).collect();
        causes.join("\n").into_bytes()
    });
    // SAFETY: as above; what was there is not ours to free.
    unsafe { out.write(bytes.into()) };
    is_made
}
