//! Has a language model answer what is posted; `runtime-config.toml` says where it is.
use spin_sdk::http::{IntoResponse, Request, Response};
use spin_sdk::http_component;
use spin_sdk::llm::{infer, InferencingModel};

#[http_component]
fn handle(request: Request) -> anyhow::Result<impl IntoResponse> {
    let prompt = String::from_utf8(request.body().to_vec())?;
    Ok(Response::new(200, infer(InferencingModel::Llama2Chat, &prompt)?.text + "\n"))
}
