fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let query = std::env::var("QUERY_STRING").unwrap_or_default();
    println!("Content-Type: text/plain\n\nRust {} {} {}", arguments.len(), arguments[0], query);
}
