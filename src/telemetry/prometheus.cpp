#include "telemetry/prometheus.hpp"

#include <fmt/format.h>

#include <array>
#include <iterator>

namespace whorl::telemetry {
namespace {

constexpr double kNanosecond = 1e-9;
constexpr std::array<std::string_view, kStatusClasses> kClassNames{
    "none", "1xx", "2xx", "3xx", "4xx", "5xx"
};

/// A label's value as the format wants it.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '\\':
        out += "\\\\";
        break;
      case '"':
        out += "\\\"";
        break;
      case '\n':
        out += "\\n";
        break;
      default:
        out += c;
    }
  }
  return out;
}

class Writer {
 public:
  explicit Writer(const Totals& totals) : totals_(totals) {}

  void begin(std::string_view name, std::string_view type, std::string_view help) {
    line("# HELP {} {}", name, help);
    line("# TYPE {} {}", name, type);
  }

  template <class T>
  void per_component(
      std::string_view name,
      std::string_view type,
      std::string_view help,
      T ComponentTotals::* value
  ) {
    begin(name, type, help);
    for (const auto& [id, component] : totals_.components) {
      line("{}{{component=\"{}\"}} {}", name, escaped(id), component.*value);
    }
  }

  void requests() {
    constexpr std::string_view kName = "whorl_http_requests_total";
    begin(kName, "counter", "Requests answered, by class of status; none: the client had gone.");
    for (const auto& [id, component] : totals_.components) {
      for (std::size_t i = 0; i < kStatusClasses; ++i) {
        if (component.requests[i] != 0) {
          line(
              "{}{{component=\"{}\",status=\"{}\"}} {}",
              kName,
              escaped(id),
              kClassNames[i],
              component.requests[i]
          );
        }
      }
    }
  }

  /// @param unit  what one of the histogram's units is in the metric's
  void histogram(
      std::string_view name,
      std::string_view help,
      double unit,
      HistogramTotals ComponentTotals::* member
  ) {
    begin(name, "histogram", help);
    for (const auto& [id, component] : totals_.components) {
      const HistogramTotals& histogram = component.*member;
      const std::string label = escaped(id);
      std::uint64_t below = 0;
      for (std::size_t i = 0; i < histogram.bounds.size(); ++i) {
        below += histogram.buckets[i];
        const double bound = static_cast<double>(histogram.bounds[i]) * unit;
        line("{}_bucket{{component=\"{}\",le=\"{:.10g}\"}} {}", name, label, bound, below);
      }
      line("{}_bucket{{component=\"{}\",le=\"+Inf\"}} {}", name, label, histogram.count());
      const double sum = static_cast<double>(histogram.sum) * unit;
      line("{}_sum{{component=\"{}\"}} {:.15g}", name, label, sum);
      line("{}_count{{component=\"{}\"}} {}", name, label, histogram.count());
    }
  }

  void process(std::span<const ProcessValue> values) {
    std::string_view last;
    for (const ProcessValue& value : values) {
      if (value.name != last) {
        begin(
            value.name, value.kind == ProcessValue::Kind::Counter ? "counter" : "gauge", value.help
        );
        last = value.name;
      }
      if (value.labels.empty()) {
        line("{} {:.15g}", value.name, value.value);
      } else {
        line("{}{{{}}} {:.15g}", value.name, value.labels, value.value);
      }
    }
  }

  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  template <class... Args>
  void line(fmt::format_string<Args...> text, Args&&... args) {
    fmt::format_to(std::back_inserter(out_), text, std::forward<Args>(args)...);
    out_ += '\n';
  }

  const Totals& totals_;
  std::string out_;
};

}  // namespace

std::string to_prometheus(const Totals& totals, std::span<const ProcessValue> process) {
  using C = ComponentTotals;
  Writer out(totals);
  out.requests();
  out.histogram(
      "whorl_http_request_duration_seconds",
      "From the request's head to the end of its answer.",
      kNanosecond,
      &C::duration
  );
  out.histogram(
      "whorl_component_cpu_seconds",
      "CPU of an event: guest code and the host functions it called.",
      kNanosecond,
      &C::cpu
  );
  out.histogram(
      "whorl_component_memory_bytes",
      "Linear memory of an instance at the end of an event.",
      1,
      &C::memory_end
  );
  constexpr std::string_view kCounter = "counter";
  out.per_component("whorl_events_total", kCounter, "Events given to an instance.", &C::events);
  out.per_component(
      "whorl_instances_started_total", kCounter, "Instances made anew.", &C::instances_started
  );
  out.per_component(
      "whorl_instances_reset_total",
      kCounter,
      "Instances put back exactly after an event.",
      &C::instances_reset
  );
  out.per_component(
      "whorl_instances_dropped_total", kCounter, "Instances dropped.", &C::instances_dropped
  );
  out.per_component(
      "whorl_traps_total", kCounter, "Events that ended with a trap or at a limit.", &C::traps
  );
  out.per_component(
      "whorl_events_refused_total",
      kCounter,
      "Events refused since as many instances were alive as may be.",
      &C::refused
  );
  out.per_component(
      "whorl_events_deferred_total",
      kCounter,
      "Events that began behind others', since the component had had more than its share.",
      &C::deferred
  );
  out.per_component("whorl_events_active", "gauge", "Events under way.", &C::active);
  out.per_component(
      "whorl_events_waiting",
      "gauge",
      "Events that wait since as many of their component are under way as may be.",
      &C::waiting
  );
  const std::array of_shards{
      ProcessValue{
          .name = "whorl_http_requests_active",
          .help = "Requests being answered.",
          .kind = ProcessValue::Kind::Gauge,
          .labels = {},
          .value = static_cast<double>(totals.requests_active)
      },
      ProcessValue{
          .name = "whorl_guests_queued",
          .help = "Guests that compute for long and wait for their next turn.",
          .kind = ProcessValue::Kind::Gauge,
          .labels = {},
          .value = static_cast<double>(totals.guests_computing)
      },
  };
  out.process(of_shards);
  out.process(process);
  return out.take();
}

}  // namespace whorl::telemetry
