const wasi = @import("std").os.wasi;

pub fn main() void {
    const text = "Content-Type: text/plain\n\nZig\n";
    const vectors = [_]wasi.ciovec_t{.{ .base = text, .len = text.len }};
    var written: usize = 0;
    _ = wasi.fd_write(1, &vectors, vectors.len, &written);
}
