//! Greets as it is configured: `whorl up --variable greeting=Hi`.
use spin_sdk::http::{IntoResponse, Request, Response};
use spin_sdk::{http_component, variables};

#[http_component]
fn handle(_request: Request) -> anyhow::Result<impl IntoResponse> {
    Ok(Response::new(200, format!("{}\n", variables::get("greeting")?)))
}
