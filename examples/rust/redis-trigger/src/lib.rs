//! Counts the messages of the channel `jobs` under the key `handled` of the same server.
use bytes::Bytes;
use spin_sdk::{redis::Connection, redis_component, variables};

#[redis_component]
fn on_message(message: Bytes) -> anyhow::Result<()> {
    eprintln!("{}", String::from_utf8_lossy(&message));
    Connection::open(&format!("redis://{}", variables::get("server")?))?.incr("handled")?;
    Ok(())
}
