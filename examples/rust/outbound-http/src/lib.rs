//! Asks another service, and tells what it answered.
use spin_sdk::http::{send, IntoResponse, Request, Response};
use spin_sdk::{http_component, variables};

#[http_component]
async fn handle(request: Request) -> anyhow::Result<impl IntoResponse> {
    let url = format!("http://{}{}", variables::get("server")?, request.path());
    let answer: Response = send(Request::get(&url)).await?;
    Ok(Response::new(200, format!("{url} answered {} with {} bytes\n", answer.status(), answer.body().len())))
}
