//! A service of the release candidate of WASI 0.3 with the Spin SDK 6.
use spin_sdk::http::{IntoResponse, Request, Response};
use spin_sdk::http_service;

#[http_service]
async fn handle(request: Request) -> anyhow::Result<impl IntoResponse> {
    let text = format!("Rust SDK 6 {}?{}\n", request.uri().path(), request.uri().query().unwrap_or_default());
    Ok(Response::builder().status(200).header("content-type", "text/plain").body(text))
}
