//! A service with wit-bindgen 0.10 to 0.12 (August and September 2023): resources, and no two versions of
//! one package in a world, so that the stores are not those of `fermyon:spin`.
wit_bindgen::generate!({ world: "old", path: "../resources", exports: { "fermyon:spin/inbound-http": Service } });

#[cfg(not(feature = "named"))]
use crate::exports::fermyon::spin::inbound_http::Guest;
#[cfg(feature = "named")]
use crate::exports::fermyon::spin::inbound_http::InboundHttp as Guest;
use crate::exports::fermyon::spin::inbound_http::{Request, Response};
use crate::wasi::keyvalue::store;

const MINOR: &str = env!("CARGO_PKG_VERSION_MINOR");

struct Service;

fn visits() -> Result<u64, store::Error> {
    let bucket = store::open("default")?;
    let before = bucket.get("visits")?.map_or(0, |value| value.len());
    bucket.set("visits", &vec![b'x'; before + 1])?;
    Ok(before as u64 + 1)
}

impl Guest for Service {
    fn handle_request(request: Request) -> Response {
        let text = format!("wit-bindgen 0.{MINOR}, {}, visit {:?}\n", request.uri, visits().ok());
        Response { status: 200, headers: Some(vec![("x-old".into(), MINOR.into())]), body: Some(text.into_bytes()) }
    }
}
