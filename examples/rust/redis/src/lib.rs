//! Counts requests in a Redis server.
use spin_sdk::http::{IntoResponse, Request, Response};
use spin_sdk::{http_component, redis::Connection, variables};

#[http_component]
fn handle(request: Request) -> anyhow::Result<impl IntoResponse> {
    let server = Connection::open(&format!("redis://{}", variables::get("server")?))?;
    let count = server.incr(request.path())?;
    server.publish("asked", &request.path().as_bytes().to_vec())?;
    Ok(Response::new(200, format!("{} was asked for {count} times\n", request.path())))
}
