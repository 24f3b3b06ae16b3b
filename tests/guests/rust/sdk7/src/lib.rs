//! A service of WASI 0.3 with the Spin SDK 7: a greeting, a streaming echo, requests side by side, slow
//! chunks, server-sent events; and what shows who shares an instance.
use bytes::Bytes;
use futures::{SinkExt, future::join_all};
use spin_sdk::http::body::{IncomingBodyExt, stream};
use spin_sdk::http::{BoxBody, FullBody, IntoResponse, Request, Response, StatusCode, box_body, get};
use spin_sdk::http_service;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

static REQUESTS: AtomicUsize = AtomicUsize::new(0);
static INSIDE: AtomicUsize = AtomicUsize::new(0);

/// `count` chunks made of their number, 20 ms apart.
fn chunks(count: usize, chunk: impl Fn(usize) -> String + Send + 'static) -> BoxBody {
    let (mut sender, body) = stream::<String>();
    spin_sdk::wasip3::spawn(async move {
        for i in 0..count {
            if i > 0 {
                spin_sdk::time::sleep(Duration::from_millis(20)).await;
            }
            if sender.send(chunk(i)).await.is_err() {
                eprintln!("the client is gone");
                return;
            }
        }
    });
    box_body(body)
}

/// How many of `count` requests to `authority`, all under way at once, are answered in full.
async fn fan_out(count: usize, authority: &str) -> usize {
    let url = format!("http://{authority}/slow/3");
    let answers = join_all((0..count).map(|_| async {
        let answer = get(&url).await.ok()?;
        (answer.status() == StatusCode::OK).then_some(())?;
        let body = answer.into_body().bytes().await.ok()?;
        (body == Bytes::from_static(b"chunk 0\nchunk 1\nchunk 2\n")).then_some(())
    }));
    answers.await.into_iter().flatten().count()
}

/// Waits until `count` requests are inside at once, for five seconds at most. Says how many were.
async fn meet(count: usize) -> usize {
    INSIDE.fetch_add(1, SeqCst);
    for _ in 0..500 {
        if INSIDE.load(SeqCst) >= count {
            break;
        }
        spin_sdk::time::sleep(Duration::from_millis(10)).await;
    }
    let met = INSIDE.load(SeqCst);
    // The others look, too, before anybody leaves.
    spin_sdk::time::sleep(Duration::from_millis(100)).await;
    INSIDE.fetch_sub(1, SeqCst);
    met
}

#[http_service]
async fn handle(request: Request) -> anyhow::Result<impl IntoResponse> {
    let path = request.uri().path().to_owned();
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    let count = parts.get(1).and_then(|text| text.parse().ok()).unwrap_or(0);
    let (kind, body) = match parts[0] {
        "echo" => ("application/octet-stream", box_body(request.into_body())),
        "slow" => ("text/plain", chunks(count, |i| format!("chunk {i}\n"))),
        "events" => ("text/event-stream", chunks(count, |i| format!("data: {i}\n\n"))),
        "fan" => {
            let answered = fan_out(count, parts.get(2).unwrap_or(&"")).await;
            ("text/plain", box_body(FullBody::new(Bytes::from(answered.to_string()))))
        }
        "count" => {
            let number = REQUESTS.fetch_add(1, SeqCst) + 1;
            ("text/plain", box_body(FullBody::new(Bytes::from(number.to_string()))))
        }
        "meet" => ("text/plain", box_body(FullBody::new(Bytes::from(meet(count).await.to_string())))),
        "trap" => {
            meet(count).await;
            std::process::abort()
        }
        "later" => {
            spin_sdk::wasip3::spawn(async move {
                spin_sdk::time::sleep(Duration::from_millis(count as u64)).await;
                eprintln!("later");
            });
            ("text/plain", box_body(FullBody::new(Bytes::from_static(b"now"))))
        }
        "loop" => loop {
            std::hint::spin_loop();
        },
        _ => {
            let query = request.uri().query().unwrap_or_default();
            ("text/plain", box_body(FullBody::new(Bytes::from(format!("Rust SDK 7 {path}?{query}\n")))))
        }
    };
    Ok(Response::builder().header("content-type", kind).body(body)?)
}
