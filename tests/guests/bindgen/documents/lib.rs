//! A service with wit-bindgen 0.5 and 0.6 (April and May 2023): interfaces have no package, but the names
//! that their world gives them.
wit_bindgen::generate!("old" in "../documents/old.wit");

use crate::inbound_http::{InboundHttp, Request, Response};

const MINOR: &str = env!("CARGO_PKG_VERSION_MINOR");

struct Service;

fn visits() -> Result<u64, key_value::Error> {
    let store = key_value::open("default")?;
    let before = if key_value::exists(store, "visits")? { key_value::get(store, "visits")?.len() } else { 0 };
    key_value::set(store, "visits", &vec![b'x'; before + 1])?;
    key_value::close(store);
    Ok(before as u64 + 1)
}

impl InboundHttp for Service {
    fn handle_request(request: Request) -> Response {
        let text = format!("wit-bindgen 0.{MINOR}, {}, visit {:?}\n", request.uri, visits().ok());
        Response { status: 200, headers: Some(vec![("x-old".into(), MINOR.into())]), body: Some(text.into_bytes()) }
    }
}

export_old!(Service);
