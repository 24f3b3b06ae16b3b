// The table of flags; nothing else.

#include "base/check.hpp"
#include "cli/up_flags.hpp"

#include <algorithm>
#include <array>

namespace whorl::cli {
namespace {

using enum FlagSpec::Owner;
using enum FlagSpec::Standing;
using enum FlagSpec::Repeat;

constexpr std::array kFlags{
    FlagSpec{.name = "help", .letter = 'h', .help = "Print help", .owner = Up, .repeat = Many},
    FlagSpec{
        .name = "from",
        .letter = 'f',
        .value_name = "APPLICATION",
        .help = "The application to run. This may be a manifest (spin.toml) file, a directory "
                "containing a spin.toml file, or a Wasm module (a .wasm file). If omitted, it "
                "defaults to \"spin.toml\"",
        .owner = Up,
        .may_be_empty = true
    },
    FlagSpec{
        .name = "from-file",
        .value_name = "APP_MANIFEST_FILE",
        .aliases = {"file"},
        .owner = Up,
        .standing = Hidden
    },
    FlagSpec{
        .name = "from-registry",
        .value_name = "REGISTRY_REFERENCE",
        .owner = Up,
        .standing = Hidden,
        .may_be_empty = true
    },
    FlagSpec{
        .name = "profile",
        .value_name = "PROFILE",
        .help = "The build profile to run. The default is the anonymous profile (usually the "
                "release build)",
        .owner = Up
    },
    // It is about registries of applications; there is no client yet, and their references are
    // refused.
    FlagSpec{
        .name = "insecure",
        .letter = 'k',
        .help = "Ignore server certificate errors from a registry",
        .owner = Up
    },
    FlagSpec{
        .name = "env",
        .letter = 'e',
        .value_name = "ENV",
        .help = "Pass an environment variable (key=value) to all components of the application",
        .owner = Up,
        .repeat = Many
    },
    FlagSpec{
        .name = "temp",
        .value_name = "TMP",
        .help = "Temporary directory for the static assets of the components",
        .aliases = {"tmp"},
        .owner = Up
    },
    FlagSpec{
        .name = "cache-dir",
        .value_name = "CACHE_DIR",
        .help = "Cache directory for downloaded components and assets",
        .owner = Up
    },
    FlagSpec{
        .name = "direct-mounts",
        .help = "For local apps with directory mounts and no excluded files, mount them directly "
                "instead of using a temporary directory",
        .owner = Up
    },
    FlagSpec{
        .name = "build",
        .help = "For local apps, specifies to perform `spin build` (with the default options) "
                "before running the application",
        .environment = "SPIN_ALWAYS_BUILD",
        .owner = Up
    },
    FlagSpec{
        .name = "component-id",
        .letter = 'c',
        .value_name = "COMPONENTS",
        .help = "[Experimental] Component ID to run. This can be specified multiple times. The "
                "default is all components",
        .owner = Up,
        .repeat = Many,
        .may_be_empty = true
    },

    FlagSpec{
        .name = "log-dir",
        .letter = 'L',
        .value_name = "APP_LOG_DIR",
        .help = "Log directory for the stdout and stderr of components",
        .environment = "SPIN_LOG_DIR"
    },
    FlagSpec{
        .name = "truncate-logs",
        .help = "If set, Whorl truncates the log files before starting the application"
    },
    FlagSpec{
        .name = "disable-cache",
        .help = "Disable the cache of compiled code",
        .environment = "DISABLE_WASMTIME_CACHE"
    },
    FlagSpec{
        .name = "cache",
        .value_name = "WASMTIME_CACHE_FILE",
        .help = "Wasmtime cache configuration file. Its `enabled` and `directory` count",
        .environment = "WASMTIME_CACHE_FILE"
    },
    FlagSpec{.name = "disable-pooling", .help = "Disable Wasmtime's pooling instance allocator"},
    FlagSpec{
        .name = "debug-info",
        .help = "Enable Wasmtime's debug info for Wasm guests, allowing debugging with gdb or lldb"
    },
    FlagSpec{
        .name = "follow",
        .value_name = "FOLLOW_ID",
        .help = "Print output to stdout/stderr only for given component(s)",
        .repeat = Many,
        .may_be_empty = true
    },
    FlagSpec{
        .name = "quiet",
        .letter = 'q',
        .help = "Silence all component output to stdout/stderr",
        .aliases = {"sh", "shush"}
    },
    FlagSpec{
        .name = "runtime-config-file",
        .value_name = "RUNTIME_CONFIG_FILE",
        .help = "Configuration file for variables providers, state, logs and limits",
        .environment = "RUNTIME_CONFIG_FILE"
    },
    FlagSpec{
        .name = "state-dir",
        .value_name = "STATE_DIR",
        .help = "Set the application state directory path. This is used in the default locations "
                "for logs, key value stores, etc.\n\n"
                "For local apps, this defaults to `.spin/` relative to the `spin.toml` file. "
                "Passing an empty value forces the value to be unset.",
        .may_be_empty = true
    },
    FlagSpec{
        .name = "listen",
        .value_name = "ADDRESS",
        .help = "IP address and port to listen on, or unix:PATH. Can be used multiple times",
        .environment = "SPIN_HTTP_LISTEN_ADDR",
        .default_value = "127.0.0.1:3000",
        .repeat = Many,
        .may_be_empty = true
    },
    FlagSpec{
        .name = "tls-cert",
        .value_name = "TLS_CERT",
        .help = "The path to the certificate to use for https, if this is not set, normal http "
                "will be used. The cert should be in PEM format. With several certificates, each "
                "with its key, the name a client asks for decides",
        .environment = "SPIN_TLS_CERT",
        .repeat = Many
    },
    FlagSpec{
        .name = "tls-key",
        .value_name = "TLS_KEY",
        .help = "The path to the certificate key to use for https, if this is not set, normal http "
                "will be used. The key should be in PKCS#8 format",
        .environment = "SPIN_TLS_KEY",
        .repeat = Many
    },
    FlagSpec{
        .name = "http1-max-buf-size",
        .value_name = "HTTP1_MAX_BUF_SIZE",
        .help = "Sets the maximum size (in bytes) of a request's header lines. The minimum value "
                "allowed is 8192",
        .environment = "SPIN_HTTP1_MAX_BUF_SIZE",
        .may_be_empty = true
    },
    FlagSpec{
        .name = "find-free-port",
        .help = "Try the given port and the following ones, 10 attempts in all"
    },
    FlagSpec{
        .name = "format",
        .value_name = "FORMAT",
        .default_value = "plain",
        .choices = {"plain", "json"},
        .choice_help =
            {"Human-readable plain text output (the default)", "Machine-readable JSON output"}
    },
    FlagSpec{
        .name = "max-instance-reuse-count",
        .value_name = "MAX_INSTANCE_REUSE_COUNT",
        .help = "How many requests an instance of a WASI 0.3 component serves before it is "
                "dropped. What one leaves in its memory, the next one sees.\n\n"
                "Without this flag and the next one every request has a fresh instance; with one "
                "of the two, the other's default is 128 requests and 16 at once. Instances of "
                "other components always serve one request.\n\n"
                "A whole number, or a range, such as 1..8, from which a number is drawn for each "
                "instance.",
        .may_be_empty = true
    },
    FlagSpec{
        .name = "max-instance-concurrent-reuse-count",
        .value_name = "MAX_INSTANCE_CONCURRENT_REUSE_COUNT",
        .help = "How many requests an instance of a WASI 0.3 component serves at the same time. "
                "If it traps, all of them fail.\n\n"
                "A whole number, or a range, as above.",
        .may_be_empty = true
    },
    FlagSpec{
        .name = "request-timeout",
        .value_name = "REQUEST_TIMEOUT",
        .help = "How long a request to a WASI 0.3 component may take, with what the guest does "
                "after its response; then its instance is ended.\n\n"
                "A number with no suffix or with an `s` suffix is interpreted as seconds; other "
                "accepted suffixes include `ms` (milliseconds), `us` or `\xCE\xBCs` "
                "(microseconds), and `ns` (nanoseconds).\n\n"
                "A range, such as 1s..8s, draws a time for each instance.",
        .may_be_empty = true
    },
    FlagSpec{
        .name = "idle-instance-timeout",
        .value_name = "IDLE_INSTANCE_TIMEOUT",
        .help = "How long an instance that may serve more requests is kept while it has "
                "none.\n\n"
                "A number with no suffix or with an `s` suffix is interpreted as seconds; other "
                "accepted suffixes include `ms` (milliseconds), `us` or `\xCE\xBCs` "
                "(microseconds), and `ns` (nanoseconds).\n\n"
                "A range, such as 1s..8s, draws a time for each instance.",
        .default_value = "1s",
        .may_be_empty = true
    },
    FlagSpec{
        .name = "allow-transient-write",
        .help = "Set the static assets of the components in the temporary directory as writable"
    },
    FlagSpec{
        .name = "experimental-wasi-otel",
        .help = "Enables experimental support for WASI OTel interfaces in guests"
    },
    FlagSpec{
        .name = "key-value",
        .value_name = "KEY_VALUES",
        .help = "Set a key/value pair (key=value) in the application's default store. Any existing "
                "value will be overwritten. Can be used multiple times",
        .repeat = Many,
        .may_be_empty = true
    },
    FlagSpec{
        .name = "sqlite",
        .value_name = "SQLITE_STATEMENTS",
        .help = "Run a SQLite statement such as a migration against the default database. To run "
                "from a file, prefix the filename with @ e.g. whorl up --sqlite @migration.sql",
        .repeat = Many,
        .may_be_empty = true
    },
    FlagSpec{
        .name = "max-instance-memory",
        .value_name = "MAX_INSTANCE_MEMORY",
        .help = "Sets the maximum memory allocation limit for an instance in bytes",
        .environment = "SPIN_MAX_INSTANCE_MEMORY",
        .may_be_empty = true
    },
    FlagSpec{
        .name = "variable",
        .value_name = "KEY=VALUE | KEY=@FILE | @FILE.json | @FILE.toml",
        .help = "Variable(s) to be passed to the app\n\n"
                "A single key-value pair can be passed as `key=value`, or `key=@file` to read the "
                "value from a text file. Alternatively, any number of key-value pairs may be "
                "passed via a JSON or TOML file using the syntax `@file.json` or `@file.toml`.\n\n"
                "This option may be repeated. If the same key is specified multiple times the last "
                "value will be used.",
        .repeat = Many,
        .may_be_empty = true
    },
    FlagSpec{.name = "help-args-only", .standing = Hidden},
    FlagSpec{.name = "launch-metadata-only", .standing = Hidden},
    FlagSpec{.name = "precompose-only", .standing = Hidden},
    FlagSpec{
        .name = "precompose-component-id",
        .value_name = "PRECOMPOSE_COMPONENT_ID",
        .standing = Hidden
    },

    FlagSpec{
        .name = "threads",
        .value_name = "N",
        .help = "Number of threads that serve requests. The default is one per available CPU",
        .environment = "WHORL_THREADS",
        .may_be_empty = true
    },
    FlagSpec{
        .name = "precompile",
        .help = "Compile all components into the cache of compiled code and exit, so that no start "
                "has to wait for it"
    },
    FlagSpec{
        .name = "access-log",
        .value_name = "FILE",
        .help = "Append a line for each request to a file, or write it to the standard output (-)",
        .environment = "WHORL_ACCESS_LOG"
    },
    FlagSpec{
        .name = "access-log-format",
        .value_name = "FORMAT",
        .help = "Form of the access log's lines: text (the combined log format and more) or json",
        .environment = "WHORL_ACCESS_LOG_FORMAT",
        .default_value = "text",
        .may_be_empty = true
    },
    FlagSpec{
        .name = "metrics-listen",
        .value_name = "ADDRESS",
        .help = "IP address and port where Prometheus can scrape metrics, at the path /metrics",
        .environment = "WHORL_METRICS_LISTEN",
        .may_be_empty = true
    },
    FlagSpec{
        .name = "max-request-cpu",
        .value_name = "DURATION",
        .help = "How long a guest may compute for one request before it is ended. 0 lifts the "
                "limit.\n\n"
                "A number with no suffix or with an `s` suffix is interpreted as seconds; other "
                "accepted suffixes include `ms` (milliseconds), `us` or `\xCE\xBCs` "
                "(microseconds), and `ns` (nanoseconds).",
        .environment = "WHORL_MAX_REQUEST_CPU",
        .default_value = "30s",
        .may_be_empty = true
    },
    FlagSpec{
        .name = "max-component-instances",
        .value_name = "COUNT",
        .help = "How many requests of one component may be under way at once; one more is answered "
                "with 503 and Retry-After, or waits (--max-queued-requests). 0 lifts the limit: "
                "then the host's own number of instances is the only one. The default is three "
                "quarters of that where there are several components, and no limit where there is "
                "one.",
        .environment = "WHORL_MAX_COMPONENT_INSTANCES",
        .may_be_empty = true
    },
    FlagSpec{
        .name = "max-queued-requests",
        .value_name = "COUNT",
        .help = "How many requests of one component may wait until another one ends, when as many "
                "as may are under way; one more is answered with 503 and Retry-After, as is one "
                "that waited for 30 seconds. 0: none waits.",
        .environment = "WHORL_MAX_QUEUED_REQUESTS",
        .default_value = "256",
        .may_be_empty = true
    },
    FlagSpec{
        .name = "max-response-delay",
        .value_name = "DURATION",
        .help = "How long a request may take until the first byte of its response, waiting "
                "included. A response that has begun may stream on. 0 lifts the limit.",
        .environment = "WHORL_MAX_RESPONSE_DELAY",
        .default_value = "600s",
        .may_be_empty = true
    },
    FlagSpec{
        .name = "takeover",
        .value_name = "PATH",
        .help = "Takes the listening sockets of the process that offers them at this Unix socket, "
                "which then drains and ends, and offers them there to the next one",
        .environment = "WHORL_TAKEOVER"
    },
    FlagSpec{
        .name = "tls-client-ca",
        .value_name = "FILE",
        .help = "Clients must show a certificate that one of these, in PEM format, vouches for",
        .environment = "WHORL_TLS_CLIENT_CA",
    },
    FlagSpec{
        .name = "proxy-protocol",
        .value_name = "NETWORKS",
        .help =
            "Connections from these networks (such as 10.0.0.0/8,192.0.2.1; `unix` for those over "
            "Unix sockets) begin with a header of the PROXY protocol, version 1 or 2, which says "
            "who the client is. Can be used multiple times",
        .environment = "WHORL_PROXY_PROTOCOL",
        .repeat = Many
    },
    FlagSpec{
        .name = "drain-timeout",
        .value_name = "DURATION",
        .help = "How long requests in flight may go on after SIGTERM or SIGINT before they are "
                "cut. A second signal cuts them at once",
        .environment = "WHORL_DRAIN_TIMEOUT",
        .default_value = "4s",
        .may_be_empty = true
    },
    FlagSpec{
        .name = "header-timeout",
        .value_name = "DURATION",
        .help = "How long a client may take from the first byte of a request's head to its last",
        .environment = "WHORL_HEADER_TIMEOUT",
        .default_value = "30s",
        .may_be_empty = true
    },
    FlagSpec{
        .name = "idle-timeout",
        .value_name = "DURATION",
        .help = "How long a connection is kept between requests",
        .environment = "WHORL_IDLE_TIMEOUT",
        .default_value = "75s",
        .may_be_empty = true
    },
    FlagSpec{
        .name = "body-timeout",
        .value_name = "DURATION",
        .help =
            "How long a client may leave a component waiting for the next byte of a request's body",
        .environment = "WHORL_BODY_TIMEOUT",
        .default_value = "60s",
        .may_be_empty = true
    },
    FlagSpec{
        .name = "write-timeout",
        .value_name = "DURATION",
        .help = "How long a client may take no byte of a response",
        .environment = "WHORL_WRITE_TIMEOUT",
        .default_value = "60s",
        .may_be_empty = true
    },
    FlagSpec{
        .name = "min-body-rate",
        .value_name = "BYTES",
        .help = "Bytes of a request's body that a client must send in a second, on average, while "
                "a component waits for them and has not answered; a slower one is answered with "
                "408. 0 lifts the limit",
        .environment = "WHORL_MIN_BODY_RATE",
        .default_value = "240",
        .may_be_empty = true
    },
    FlagSpec{
        .name = "min-write-rate",
        .value_name = "BYTES",
        .help = "Bytes of a response that a client must take in a second, on average, while there "
                "are any for it; a slower one is cut off. 0 lifts the limit",
        .environment = "WHORL_MIN_WRITE_RATE",
        .default_value = "240",
        .may_be_empty = true
    },
    FlagSpec{
        .name = "rate-grace",
        .value_name = "DURATION",
        .help = "How long a client may do less than --min-body-rate and --min-write-rate ask for",
        .environment = "WHORL_RATE_GRACE",
        .default_value = "20s",
        .may_be_empty = true
    },
    FlagSpec{
        .name = "max-connections",
        .value_name = "N",
        .help = "Connections at once; more wait. The default is 16384 for each thread",
        .environment = "WHORL_MAX_CONNECTIONS",
        .may_be_empty = true
    },
    FlagSpec{
        .name = "max-client-connections",
        .value_name = "N",
        .help = "Connections of one client, an IPv4 address or an IPv6 /64, at once; one more is "
                "answered with 429 and closed. 0 lifts the limit: for a host behind a proxy. The "
                "default is half of --max-connections",
        .environment = "WHORL_MAX_CLIENT_CONNECTIONS",
        .may_be_empty = true
    },
    FlagSpec{
        .name = "max-request-body",
        .value_name = "BYTES",
        .help = "The largest body of a request; a longer one is answered with 413. The default is "
                "no limit",
        .environment = "WHORL_MAX_REQUEST_BODY",
        .may_be_empty = true
    },
};

}  // namespace

std::span<const FlagSpec> up_flags() {
  return kFlags;
}

const FlagSpec& up_flag(std::string_view name) {
  const auto found = std::ranges::find(kFlags, name, &FlagSpec::name);
  WHORL_CHECK(found != kFlags.end(), "the table of flags lacks one", name);
  return *found;
}

}  // namespace whorl::cli
