//! A service of WASI 0.2 with the Spin SDK 5.
use spin_sdk::http::{IntoResponse, Request, Response};
use spin_sdk::http_component;

#[http_component]
fn handle(request: Request) -> anyhow::Result<impl IntoResponse> {
    let text = format!("Rust SDK 5 {}?{}\n", request.path(), request.query());
    Ok(Response::builder().status(200).header("content-type", "text/plain").body(text).build())
}
