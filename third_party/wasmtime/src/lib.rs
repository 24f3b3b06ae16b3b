//! Re-exports Wasmtime's C API so that its symbols end up in one static library.
pub use wasmtime_c_api::*;
