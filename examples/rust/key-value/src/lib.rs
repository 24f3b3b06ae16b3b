//! Counts the requests for each path, durably.
use spin_sdk::http::{IntoResponse, Request, Response};
use spin_sdk::{http_component, key_value::Store};

#[http_component]
fn handle(request: Request) -> anyhow::Result<impl IntoResponse> {
    let store = Store::open_default()?;
    let before = store.get(request.path())?.unwrap_or_default();
    let count = String::from_utf8(before)?.parse().unwrap_or(0) + 1;
    store.set(request.path(), count.to_string().as_bytes())?;
    Ok(Response::new(200, format!("{} was asked for {count} times\n", request.path())))
}
