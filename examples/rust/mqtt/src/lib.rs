//! Publishes what is posted, at the topic that the path says.
use spin_sdk::http::{IntoResponse, Request, Response};
use spin_sdk::mqtt::{Connection, Qos};
use spin_sdk::{http_component, variables};

#[http_component]
fn handle(request: Request) -> anyhow::Result<impl IntoResponse> {
    let address = format!("mqtt://{}?client_id=whorl-example", variables::get("server")?);
    let broker = Connection::open(&address, "", "", 30)?;
    broker.publish(&request.path()[1..], request.body(), Qos::AtLeastOnce)?;
    Ok(Response::new(200, "published\n"))
}
