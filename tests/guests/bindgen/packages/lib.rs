//! A service with wit-bindgen 0.7 to 0.9 (June to August 2023): no resources, a package without a version.
wit_bindgen::generate!("old" in "../packages");

use crate::exports::fermyon::spin::inbound_http::{InboundHttp, Request, Response};
use crate::fermyon::spin::key_value;

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
        if request.uri.ends_with("after-close") {
            let store = key_value::open("default").unwrap();
            key_value::close(store);
            let _ = key_value::get(store, "visits").unwrap();
        }
        let text = format!("wit-bindgen 0.{MINOR}, {}, visit {:?}\n", request.uri, visits().ok());
        Response { status: 200, headers: Some(vec![("x-old".into(), MINOR.into())]), body: Some(text.into_bytes()) }
    }
}

export_old!(Service);
