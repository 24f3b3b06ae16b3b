//! A service of WASI 0.3.2 with bindings alone (the crate `wasip3`), no SDK between: a greeting; a body that goes
//! back as it came, trailers and all, none of it looked at; the same through a request of its own.
use wasip3::http::client;
use wasip3::http::types::{ErrorCode, Fields, Request, Response, Scheme};
use wasip3::{wit_bindgen, wit_future, wit_stream};

wasip3::http::service::export!(Service);

struct Service;

/// A text as a whole answer.
fn text(body: String) -> Response {
    let (mut writer, reader) = wit_stream::new();
    let (end, trailers) = wit_future::new(|| Ok(None));
    drop(end);
    wit_bindgen::spawn_local(async move {
        writer.write_all(body.into_bytes()).await;
    });
    let headers = Fields::from_list(&[("content-type".into(), b"text/plain".to_vec())]).unwrap();
    Response::new(headers, Some(reader), trailers).0
}

/// What the request brings, given to `make` as a body and its trailers.
fn passed_on<T>(
    request: Request,
    make: impl FnOnce(
        Option<wit_bindgen::StreamReader<u8>>,
        wit_bindgen::FutureReader<Result<Option<Fields>, ErrorCode>>,
    ) -> T,
) -> T {
    let (done, result) = wit_future::new(|| Ok(()));
    drop(done);
    let (body, trailers) = Request::consume_body(request, result);
    make(Some(body), trailers)
}

impl wasip3::exports::http::handler::Guest for Service {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let path = request.get_path_with_query().unwrap_or_default();
        match path.as_str() {
            "/echo" => Ok(passed_on(request, |body, trailers| Response::new(Fields::new(), body, trailers).0)),
            "/through" => {
                let (method, authority) = (request.get_method(), request.get_authority());
                let next = passed_on(request, |body, trailers| Request::new(Fields::new(), body, trailers, None).0);
                next.set_method(&method).unwrap();
                next.set_scheme(Some(&Scheme::Http)).unwrap();
                next.set_authority(authority.as_deref()).unwrap();
                next.set_path_with_query(Some("/echo")).unwrap();
                client::send(next).await
            }
            _ => Ok(text(format!("Rust WASI 0.3.2 {path}\n"))),
        }
    }
}
