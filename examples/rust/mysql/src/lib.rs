//! Says a word as often as it is asked, by a MySQL or MariaDB server: /ab/3.
use spin_sdk::http::{IntoResponse, Request, Response};
use spin_sdk::mysql::{Connection, Decode, ParameterValue};
use spin_sdk::{http_component, variables};

#[http_component]
fn handle(request: Request) -> anyhow::Result<impl IntoResponse> {
    let mut parts = request.path().split('/').skip(1);
    let word = parts.next().unwrap_or_default().to_owned();
    let times = parts.next().and_then(|text| text.parse().ok()).unwrap_or(1);
    let database = Connection::open(&format!("mysql://{}", variables::get("server")?))?;
    let rows = database
        .query("SELECT repeat(?, ?)", &[ParameterValue::Str(word), ParameterValue::Int32(times)])?
        .rows;
    Ok(Response::new(200, format!("{}\n", String::decode(&rows[0][0])?)))
}
