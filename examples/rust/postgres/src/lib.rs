//! Adds up what it is sent, in a PostgreSQL server: /40/2.
use spin_sdk::http::{IntoResponse, Request, Response};
use spin_sdk::pg4::{Connection, ParameterValue};
use spin_sdk::{http_component, variables};

#[http_component]
fn handle(request: Request) -> anyhow::Result<impl IntoResponse> {
    let database = Connection::open(&format!("postgres://postgres@{}/postgres", variables::get("server")?))?;
    let numbers: Vec<i32> = request.path().split('/').filter_map(|part| part.parse().ok()).collect();
    let sum = database.query(
        "SELECT coalesce(sum(n), 0) AS sum FROM unnest($1::int4[]) AS n",
        &[ParameterValue::ArrayInt32(numbers.into_iter().map(Some).collect())],
    )?;
    let value = sum.rows().next().and_then(|row| row.get::<i64>("sum"));
    Ok(Response::new(200, format!("{}\n", value.unwrap_or_default())))
}
