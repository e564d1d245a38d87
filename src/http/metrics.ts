import type { Metrics } from "../observe.ts";

/** Counts, and tells what it counted in Prometheus' text format 0.0.4. */
export type MetricsRegistry = Metrics & { text(): string };

type Labels = Record<string, string>;
type Series = { labels: string; value: number };
type Histogram = { labels: string; counts: number[]; sum: number; count: number };

const buckets = {
  seconds: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
  bytes: [1024, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216, 67_108_864, 268_435_456],
};

function bucketsFor(name: string): number[] {
  return name.endsWith("_bytes") ? buckets.bytes : buckets.seconds;
}

const escaped = (value: string): string =>
  /[\\"\n]/.test(value) ? value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n") : value;

function label(labels: Labels): string {
  const names = Object.keys(labels);
  if (names.length > 1) names.sort();
  let text = "";
  for (const name of names) text += `${text === "" ? "" : ","}${name}="${escaped(labels[name] ?? "")}"`;
  return text;
}

const line = (name: string, labels: string, value: number) => `${name}${labels === "" ? "" : `{${labels}}`} ${value}\n`;

const join = (...parts: string[]) => parts.filter((part) => part !== "").join(",");

/** A metrics registry in memory. Names come from code, label values from closed sets, so that it stays small. */
export function createMetrics(): MetricsRegistry {
  const counters = new Map<string, Map<string, Series>>();
  const gauges = new Map<string, Map<string, Series>>();
  const histograms = new Map<string, Map<string, Histogram>>();

  function series<T>(family: Map<string, Map<string, T>>, name: string, labels: Labels, fresh: (text: string) => T): T {
    let members = family.get(name);
    if (members === undefined) family.set(name, (members = new Map()));
    const text = label(labels);
    let found = members.get(text);
    if (found === undefined) members.set(text, (found = fresh(text)));
    return found;
  }

  function histogramText(name: string, member: Histogram): string {
    let below = 0;
    const rows = bucketsFor(name).map((limit, at) => {
      below += member.counts[at] ?? 0;
      return line(`${name}_bucket`, join(member.labels, `le="${limit}"`), below);
    });
    rows.push(line(`${name}_bucket`, join(member.labels, 'le="+Inf"'), member.count));
    rows.push(line(`${name}_sum`, member.labels, member.sum), line(`${name}_count`, member.labels, member.count));
    return rows.join("");
  }

  return {
    count(name, labels = {}, by = 1) {
      series(counters, name, labels, (text) => ({ labels: text, value: 0 })).value += by;
    },
    gauge(name, value, labels = {}) {
      series(gauges, name, labels, (text) => ({ labels: text, value: 0 })).value = value;
    },
    observe(name, value, labels = {}) {
      const limits = bucketsFor(name);
      const member = series(histograms, name, labels, (text) => ({
        labels: text,
        counts: limits.map(() => 0),
        sum: 0,
        count: 0,
      }));
      const at = limits.findIndex((limit) => value <= limit);
      if (at !== -1) member.counts[at] = (member.counts[at] ?? 0) + 1;
      member.sum += value;
      member.count += 1;
    },
    text() {
      const simple = (type: string, family: Map<string, Map<string, Series>>) =>
        [...family].map(
          ([name, members]) =>
            `# TYPE ${name} ${type}\n${[...members.values()].map((one) => line(name, one.labels, one.value)).join("")}`,
        );
      const shaped = [...histograms].map(
        ([name, members]) =>
          `# TYPE ${name} histogram\n${[...members.values()].map((one) => histogramText(name, one)).join("")}`,
      );
      return [...simple("counter", counters), ...simple("gauge", gauges), ...shaped].join("");
    },
  };
}
