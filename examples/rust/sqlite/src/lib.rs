//! Keeps what is posted, and lists it.
use spin_sdk::http::{IntoResponse, Method, Request, Response};
use spin_sdk::http_component;
use spin_sdk::sqlite::{Connection, Value};

#[http_component]
fn handle(request: Request) -> anyhow::Result<impl IntoResponse> {
    let database = Connection::open_default()?;
    database.execute("CREATE TABLE IF NOT EXISTS notes (text TEXT)", &[])?;
    if *request.method() == Method::Post {
        let text = String::from_utf8(request.body().to_vec())?;
        database.execute("INSERT INTO notes VALUES (?)", &[Value::Text(text)])?;
    }
    let notes = database.execute("SELECT text FROM notes ORDER BY rowid", &[])?;
    let lines = notes.rows().filter_map(|row| row.get::<&str>("text").map(|text| format!("- {text}\n")));
    Ok(Response::new(200, lines.collect::<String>()))
}
