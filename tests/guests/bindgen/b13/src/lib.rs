//! A service with wit-bindgen 0.13 (October 2023): resources, described in the form of then.
wit_bindgen::generate!({ world: "old", path: "wit", exports: { "fermyon:spin/inbound-http": Service } });

use crate::exports::fermyon::spin::inbound_http::{Guest, Request, Response};
use crate::fermyon::spin2_0_0::key_value::{Error, Store};

struct Service;

fn visits() -> Result<u64, Error> {
    let store = Store::open("default")?;
    let before = store.get("visits")?.map_or(0, |value| value.len());
    store.set("visits", &vec![b'x'; before + 1])?;
    Ok(before as u64 + 1)
}

impl Guest for Service {
    fn handle_request(request: Request) -> Response {
        let text = format!("wit-bindgen 0.13, {}, visit {:?}\n", request.uri, visits().ok());
        Response { status: 200, headers: Some(vec![("x-old".into(), "13".into())]), body: Some(text.into_bytes()) }
    }
}
