#include "whorl.h"
#include "whorl_abi.h"

// Spans, log records and metrics of its own. /outer answers the host's context, /nested emits
// "outer_func" with "inner_func" in it, /all has a span with everything that one can have, /fetch
// requests /seen of `x-authority` while "guest" is open, /open never ends its span, /log and
// /metrics emit those, /many emits 5,000 spans and /large one that is too large.

#define OTEL "wasi:otel/"
#define RC "@0.2.0-rc.2"

typedef struct {
  uint64_t seconds;
  uint32_t nanoseconds;
} datetime;
typedef struct {
  uint8_t is_some;
  datetime value;
} maybe_time;
typedef struct {
  uint32_t is_some;
  whorl_text value;
} maybe_text;
typedef struct {
  whorl_text key, value;
} pair;
typedef struct {
  const void* data;
  size_t size;
} list;
typedef struct {
  whorl_text trace, span;
  uint8_t flags, is_remote;
  list state;
} span_context;
typedef struct {
  whorl_text name;
  maybe_text version, schema;
  list attributes;
} scope;
typedef struct {
  whorl_text name;
  datetime time;
  list attributes;
} event;
typedef struct {
  span_context context;
  list attributes;
} span_link;
typedef struct {
  span_context context;
  whorl_text parent;
  uint8_t kind;
  whorl_text name;
  datetime start, end;
  list attributes, events, links;
  uint32_t status;
  whorl_text why;
  scope scope;
  uint32_t dropped[3];
} span_data;
typedef struct {
  maybe_time time, observed;
  maybe_text severity;
  uint8_t has_number, number;
  maybe_text body;
  uint32_t has_attributes;
  list attributes;
  maybe_text event_name;
  uint32_t has_resource;
  list resource;
  maybe_text resource_schema;
  uint32_t has_scope;
  scope scope;
  maybe_text trace, span;
  uint8_t has_flags, flags;
} log_record;
typedef struct {
  uint8_t tag;  // f64, s64, u64
  union {
    double f64;
    int64_t s64;
    uint64_t u64;
  };
} number;
typedef struct {
  list attributes;
  number value;
  list exemplars;
} point;
typedef struct {
  uint8_t is_some;
  number value;
} maybe_number;
typedef struct {
  list attributes;
  uint64_t count;
  list bounds, buckets;
  maybe_number min, max;
  number sum;
  list exemplars;
} histogram_point;
typedef struct {
  list attributes;
  datetime time;
  number value;
  whorl_text span, trace;
} exemplar;
typedef struct {
  int32_t offset;
  list counts;
} buckets;
typedef struct {
  list attributes;
  uint64_t count;
  maybe_number min, max;
  number sum;
  int8_t scale;
  uint64_t zero_count;
  buckets positive, negative;
  double zero_threshold;
  list exemplars;
} exponential_point;
typedef struct {
  list points;
  maybe_time start;
  datetime time;
} gauge;
typedef struct {
  list points;
  datetime start, time;
  uint8_t temporality, is_monotonic;
} sum;  // histograms are the same without the last
typedef struct {
  whorl_text name, description, unit;
  uint8_t tag;
  union {
    gauge gauge;
    sum sum;
  };
} metric;
typedef struct {
  scope scope;
  list metrics;
} scope_metrics;

// clang-format off
WHORL_IMPORT(OTEL "tracing" RC, "on-start") void on_start(const char*, size_t, const char*, size_t, int32_t, int32_t, const void*, size_t);
WHORL_IMPORT(OTEL "tracing" RC, "on-end") void on_end(const span_data*);
WHORL_IMPORT(OTEL "tracing" RC, "outer-span-context") void outer_span_context(span_context*);
WHORL_IMPORT(OTEL "logs" RC, "on-emit") void on_emit(const log_record*);
WHORL_IMPORT(OTEL "metrics" RC, "export") void export_metrics(const void*, size_t, int32_t, const char*, size_t, const void*, size_t, whorl_area*);
WHORL_IMPORT(WHORL_HTTP, "[constructor]outgoing-request") whorl_handle_t out_new(whorl_handle_t);
WHORL_IMPORT(WHORL_HTTP, "[method]outgoing-request.set-authority") int32_t out_set_authority(whorl_handle_t, int32_t, const char *, size_t);
WHORL_IMPORT(WHORL_HTTP, "[method]outgoing-request.set-path-with-query") int32_t out_set_path(whorl_handle_t, int32_t, const char *, size_t);
WHORL_IMPORT("wasi:http/outgoing-handler@0.2.0", "handle") void out_handle(whorl_handle_t, int32_t, whorl_handle_t, whorl_area *);
WHORL_IMPORT(WHORL_HTTP, "[method]future-incoming-response.subscribe") whorl_handle_t future_subscribe(whorl_handle_t);
// clang-format on

#define TEXT(s) {s, sizeof(s) - 1}
#define LIST(array) {array, sizeof(array) / sizeof((array)[0])}

static span_context outer;
static const scope kScope = {TEXT("guest-scope"), {1, TEXT("1.2")}, {0, {0, 0}}, {0, 0}};
static const pair kFooBar[] = {{TEXT("foo"), TEXT("\"bar\"")}};

static span_data make_span(whorl_text id, whorl_text name, whorl_text parent) {
  span_data span = {0};
  span.context = outer;
  span.context.span = id;
  span.context.flags = 1;
  span.parent = parent;
  span.kind = 4;
  span.name = name;
  span.start.seconds = 1700000000;
  span.end.seconds = 1700000001;
  span.scope = kScope;
  return span;
}

static void start(const span_data* span) {
  const span_context* at = &span->context;
  on_start(
      at->trace.data,
      at->trace.size,
      at->span.data,
      at->span.size,
      at->flags,
      at->is_remote,
      at->state.data,
      at->state.size
  );
}

static void nested(void) {
  span_data outside =
      make_span((whorl_text)TEXT("00000000000000a1"), (whorl_text)TEXT("outer_func"), outer.span);
  span_data inside = make_span(
      (whorl_text)TEXT("00000000000000a2"), (whorl_text)TEXT("inner_func"), outside.context.span
  );
  start(&outside);
  start(&inside);
  on_end(&inside);
  on_end(&outside);
}

static void everything(void) {
  static const pair attributes[] = {
      {TEXT("foo"), TEXT("\"baz\"")},
      {TEXT("qux"), TEXT("[\"qaz\",\"thud\"]")},
      {TEXT("number"), TEXT("-7")},
      {TEXT("real"), TEXT("0.5")},
      {TEXT("yes"), TEXT("true")}
  };
  static const pair on_event[] = {{TEXT("foo"), TEXT("true")}};
  static const event events[] = {
      {TEXT("basic-event"), {1700000000, 1}, {0, 0}},
      {TEXT("event-with-attributes"), {1700000000, 2}, LIST(on_event)}
  };
  span_link links[1] = {{outer, LIST(kFooBar)}};
  span_data span =
      make_span((whorl_text)TEXT("00000000000000b1"), (whorl_text)TEXT("everything"), outer.span);
  span.attributes = (list)LIST(attributes);
  span.events = (list)LIST(events);
  span.links = (list)LIST(links);
  span.status = 2;
  span.why = (whorl_text)TEXT("why");
  span.dropped[0] = 1;
  span.dropped[1] = 2;
  span.dropped[2] = 3;
  start(&span);
  on_end(&span);
}

static void emit_log(void) {
  log_record record = {0};
  record.time = (maybe_time){1, {1700000000, 5}};
  record.severity = (maybe_text){1, TEXT("WARN")};
  record.has_number = 1;
  record.number = 13;
  record.body = (maybe_text){1, TEXT("\"said\"")};
  record.has_attributes = 1;
  record.attributes = (list)LIST(kFooBar);
  record.event_name = (maybe_text){1, TEXT("happened")};
  record.has_scope = 1;
  record.scope = kScope;
  on_emit(&record);
}

static void emit_metrics(whorl_response* response) {
  static const pair resource[] = {{TEXT("service.name"), TEXT("\"theirs\"")}};
  static const exemplar exemplars[] = {
      {LIST(kFooBar),
       {1700000000, 0},
       {2, {.u64 = 3}},
       TEXT("00000000000000a1"),
       TEXT("0af7651916cd43dd8448eb211c80319c")}
  };
  static const point counts[] = {{LIST(kFooBar), {2, {.u64 = 42}}, LIST(exemplars)}};
  static const point heights[] = {{{0, 0}, {0, {.f64 = 0.5}}, {0, 0}}};
  static const double bounds[] = {1, 2};
  static const uint64_t filled[] = {1, 0, 2};
  static const histogram_point sizes[] = {
      {{0, 0}, 3, LIST(bounds), LIST(filled), {1, {1, {.s64 = -1}}}, {0}, {1, {.s64 = 9}}, {0, 0}}
  };
  static const exponential_point spread[] = {
      {{0, 0},
       4,
       {0},
       {1, {0, {.f64 = 8}}},
       {0, {.f64 = 12}},
       -2,
       1,
       {-1, LIST(filled)},
       {0, {0, 0}},
       0.25,
       {0, 0}}
  };
  static metric metrics[] = {
      {TEXT("guest.count"),
       TEXT("Counted"),
       TEXT("1"),
       5,
       {.sum = {LIST(counts), {1700000000, 0}, {1700000001, 0}, 0, 1}}},
      {TEXT("guest.height"),
       TEXT(""),
       TEXT("m"),
       0,
       {.gauge = {LIST(heights), {0}, {1700000001, 0}}}},
      {TEXT("guest.size"),
       TEXT(""),
       TEXT(""),
       10,
       {.sum = {LIST(sizes), {1700000000, 0}, {1700000001, 0}, 1, 0}}},
      {TEXT("guest.spread"),
       TEXT(""),
       TEXT(""),
       3,
       {.sum = {LIST(spread), {1700000000, 0}, {1700000001, 0}, 2, 0}}},
  };
  static scope_metrics scopes[1];
  scopes[0].scope = kScope;
  scopes[0].metrics = (list)LIST(metrics);
  whorl_area area;
  export_metrics(resource, 1, 0, 0, 0, scopes, 1, &area);
  whorl_print(response, area.u8[0] == 0 ? "taken" : "error ");
  if (area.u8[0] != 0) {
    whorl_text why = {(const char*)(uintptr_t)(uint32_t)area.i32[1], (size_t)(uint32_t)area.i32[2]};
    whorl_print_text(response, why);
  }
}

static void fetch(whorl_request* request, whorl_response* response) {
  whorl_text to = whorl_find_header(request, "x-authority");
  span_data span =
      make_span((whorl_text)TEXT("00000000000000c1"), (whorl_text)TEXT("guest"), outer.span);
  start(&span);
  whorl_handle_t out = out_new(wasi_fields_new());
  out_set_authority(out, 1, to.data, to.size);
  out_set_path(out, 1, "/seen", 5);
  whorl_area area;
  out_handle(out, 0, 0, &area);
  if (area.u8[0] != 0) {
    whorl_print(response, "error");
  } else {
    whorl_handle_t future = area.i32[2];
    whorl_handle_t pollable = future_subscribe(future);
    wasi_pollable_block(pollable);
    whorl_print(response, "done");
  }
  on_end(&span);
}

void whorl_handle(whorl_request* request, whorl_response* response) {
  whorl_text path = whorl_path(request);
  outer_span_context(&outer);
  if (whorl_starts_with(path, "/outer")) {
    whorl_print_text(response, outer.trace);
    whorl_print(response, " ");
    whorl_print_text(response, outer.span);
    whorl_print(response, outer.flags != 0 ? " sampled" : " not");
    whorl_print(response, outer.is_remote != 0 ? " remote" : " local");
    const pair* state = outer.state.data;
    for (size_t i = 0; i < outer.state.size; ++i) {
      whorl_print(response, " ");
      whorl_print_text(response, state[i].key);
      whorl_print(response, "=");
      whorl_print_text(response, state[i].value);
    }
  } else if (whorl_starts_with(path, "/nested")) {
    nested();
  } else if (whorl_starts_with(path, "/all")) {
    everything();
  } else if (whorl_starts_with(path, "/fetch")) {
    fetch(request, response);
  } else if (whorl_starts_with(path, "/open")) {
    span_data span =
        make_span((whorl_text)TEXT("00000000000000d1"), (whorl_text)TEXT("open"), outer.span);
    start(&span);
  } else if (whorl_starts_with(path, "/log")) {
    emit_log();
  } else if (whorl_starts_with(path, "/metrics")) {
    emit_metrics(response);
  } else if (whorl_starts_with(path, "/many") || whorl_starts_with(path, "/large")) {
    span_data span =
        make_span((whorl_text)TEXT("00000000000000e1"), (whorl_text)TEXT("one"), outer.span);
    int count = whorl_starts_with(path, "/many") ? 5000 : 1;
    if (count == 1) {
      static pair pairs[100000];
      for (size_t i = 0; i < 100000; ++i) {
        pairs[i] = kFooBar[0];
      }
      span.attributes = (list){pairs, 100000};
    }
    for (int i = 0; i < count; ++i) {
      on_end(&span);
    }
  }
}
