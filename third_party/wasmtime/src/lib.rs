//! Re-exports Wasmtime's C API so that its symbols end up in one static library, and adds what the
//! C API lacks: where compiled functions are kept for the next module that has the same ones
//! (here), and components made of core modules.
mod componentize;
mod spin1;

pub use componentize::whorl_componentize;
pub use wasmtime_c_api::*;

use std::borrow::Cow;
use std::ffi::c_void;
use std::sync::Arc;
use wasmtime::{CacheStore, Config};

/// Looks a function up. On success sets `value` and `value_len` to bytes that stay as they are
/// until the store is finalized.
pub type WhorlFunctionGet = extern "C" fn(
    env: *mut c_void,
    key: *const u8,
    key_len: usize,
    value: *mut *const u8,
    value_len: *mut usize,
) -> bool;

/// Keeps a function; copies what it is given.
pub type WhorlFunctionInsert = extern "C" fn(
    env: *mut c_void,
    key: *const u8,
    key_len: usize,
    value: *const u8,
    value_len: usize,
) -> bool;

struct FunctionStore {
    env: *mut c_void,
    get: WhorlFunctionGet,
    insert: WhorlFunctionInsert,
    finalizer: Option<extern "C" fn(*mut c_void)>,
}

// SAFETY: whoever sets a store promises that its functions may be called from any thread at once.
unsafe impl Send for FunctionStore {}
// SAFETY: as above.
unsafe impl Sync for FunctionStore {}

impl std::fmt::Debug for FunctionStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FunctionStore")
    }
}

impl CacheStore for FunctionStore {
    fn get(&self, key: &[u8]) -> Option<Cow<'_, [u8]>> {
        let mut value = std::ptr::null();
        let mut len = 0;
        if !(self.get)(self.env, key.as_ptr(), key.len(), &mut value, &mut len) {
            return None;
        }
        // SAFETY: the contract of WhorlFunctionGet; the store lives as long as `self`.
        Some(Cow::Borrowed(unsafe { std::slice::from_raw_parts(value, len) }))
    }

    fn insert(&self, key: &[u8], value: Vec<u8>) -> bool {
        (self.insert)(self.env, key.as_ptr(), key.len(), value.as_ptr(), value.len())
    }
}

impl Drop for FunctionStore {
    fn drop(&mut self) {
        if let Some(finalizer) = self.finalizer {
            finalizer(self.env);
        }
    }
}

/// Has engines made from `config` ask `get` for each function before they compile it, and give
/// `insert` what they compiled.
///
/// # Safety
/// `config` comes from wasm_config_new(). `get` and `insert` may be called from any thread, several
/// at once, until `finalizer` was called.
///
/// @return false if the engine refuses, which ends the store
#[unsafe(no_mangle)]
pub unsafe extern "C" fn whorl_config_function_store_set(
    config: *mut wasm_config_t,
    env: *mut c_void,
    get: WhorlFunctionGet,
    insert: WhorlFunctionInsert,
    finalizer: Option<extern "C" fn(*mut c_void)>,
) -> bool {
    const { assert!(size_of::<wasm_config_t>() == size_of::<Config>()) };
    const { assert!(align_of::<wasm_config_t>() == align_of::<Config>()) };
    // SAFETY: wasm_config_t is repr(C) and has the Config as its one field.
    let config = unsafe { &mut *config.cast::<Config>() };
    let store = Arc::new(FunctionStore {
        env,
        get,
        insert,
        finalizer,
    });
    config.enable_incremental_compilation(store).is_ok()
}
