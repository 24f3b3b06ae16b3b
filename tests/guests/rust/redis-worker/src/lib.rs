//! Waits 5 ms for each message, then counts it under the key that the variable HANDLED names.
use bytes::Bytes;
use spin_sdk::{redis::Connection, redis_component};

#[redis_component]
fn on_message(_message: Bytes) -> anyhow::Result<()> {
    std::thread::sleep(std::time::Duration::from_millis(5));
    Connection::open(&std::env::var("REDIS")?)?.incr(&std::env::var("HANDLED")?)?;
    Ok(())
}
