import PrometheusCounter from '@prometheus-io/client/lib/counter.js';
import PrometheusGauge from '@prometheus-io/client/lib/gauge.js';
import PrometheusHistogram from '@prometheus-io/client/lib/histogram.js';
import Registry from '@prometheus-io/client/lib/registry.js';

/** A label whose values are not known before. Those beyond the first so many are counted as "other". */
export interface OpenLabel {
  readonly atMost: number;
}

/** Labels by name: all values a label can have, or how many. So the number of series is bounded where they are made. */
export type LabelSpecs = Readonly<Record<string, readonly string[] | OpenLabel>>;

/** Of a metric that has none. */
export type NoLabels = Readonly<Record<never, never>>;

export type Labels<Specs extends LabelSpecs> = {
  readonly [Name in keyof Specs]: Specs[Name] extends readonly (infer Value)[] ? Value : string;
};

export interface MetricOptions<Specs extends LabelSpecs> {
  /** With its unit: certmount_…_seconds; a counter ends in _total. */
  readonly name: string;
  readonly help: string;
  readonly labels?: Specs;
}

/** The labels may be left out where the metric has none. */
type LabelArguments<Specs extends LabelSpecs> = keyof Specs extends never ? [] : [labels: Labels<Specs>];

export interface Counter<Specs extends LabelSpecs> {
  inc(...labels: LabelArguments<Specs>): void;
  add(value: number, ...labels: LabelArguments<Specs>): void;
}

export interface Gauge<Specs extends LabelSpecs> {
  set(value: number, ...labels: LabelArguments<Specs>): void;
  add(value: number, ...labels: LabelArguments<Specs>): void;
  remove(...labels: LabelArguments<Specs>): void;
}

export interface Histogram<Specs extends LabelSpecs> {
  /** @param value in the unit of the name: seconds, not milliseconds */
  observe(value: number, ...labels: LabelArguments<Specs>): void;
}

/** One series of a metric that is computed when asked for. */
export interface Sample<Specs extends LabelSpecs> {
  readonly labels: Labels<Specs>;
  readonly value: number;
}

/** From a millisecond to a minute: API calls, issuance, publishing. */
export const durationBuckets: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
];

/** The metrics of one program: a registry of its own, nothing global. */
export class Metrics {
  readonly #registry = new Registry();

  readonly contentType: string = this.#registry.contentType;

  /** The text that a Prometheus server scrapes. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** Series of closed labels are there from the start, at 0, so that a first increase shows in rate(). */
  counter<const Specs extends LabelSpecs = NoLabels>(options: MetricOptions<Specs>): Counter<Specs> {
    const counter = new PrometheusCounter<string>(this.#configuration(options));
    const bound = boundLabels(options.labels);
    for (const labels of closedCombinations(options.labels)) counter.inc(labels, 0);
    return {
      inc: (...labels) => counter.inc(bound(labels[0]), 1),
      add: (value, ...labels) => counter.inc(bound(labels[0]), value),
    };
  }

  gauge<const Specs extends LabelSpecs = NoLabels>(options: MetricOptions<Specs>): Gauge<Specs> {
    const gauge = new PrometheusGauge<string>(this.#configuration(options));
    const bound = boundLabels(options.labels);
    return {
      set: (value, ...labels) => gauge.set(bound(labels[0]), value),
      add: (value, ...labels) => gauge.inc(bound(labels[0]), value),
      remove: (...labels) => gauge.remove(bound(labels[0])),
    };
  }

  histogram<const Specs extends LabelSpecs = NoLabels>(
    options: MetricOptions<Specs> & { readonly buckets?: readonly number[] },
  ): Histogram<Specs> {
    const buckets = [...(options.buckets ?? durationBuckets)];
    const histogram = new PrometheusHistogram<string>({ ...this.#configuration(options), buckets });
    const bound = boundLabels(options.labels);
    return { observe: (value, ...labels) => histogram.observe(bound(labels[0]), value) };
  }

  /** A gauge, or a counter, whose series are computed at each scrape: nothing is kept between. */
  computed<const Specs extends LabelSpecs = NoLabels>(
    options: MetricOptions<Specs> & { readonly type: 'gauge' | 'counter' },
    collect: () => Iterable<Sample<Specs>>,
  ): void {
    const configuration = this.#configuration(options);
    // What has no labels is reset to a 0 that nobody measured.
    const labelled = configuration.labelNames.length > 0;
    if (options.type === 'gauge') {
      new PrometheusGauge<string>({
        ...configuration,
        collect() {
          this.reset();
          if (!labelled) this.remove();
          for (const sample of boundSamples(options.labels, collect())) this.set(sample.labels, sample.value);
        },
      });
      return;
    }
    new PrometheusCounter<string>({
      ...configuration,
      collect() {
        this.reset();
        if (!labelled) this.remove();
        for (const sample of boundSamples(options.labels, collect())) this.inc(sample.labels, sample.value);
      },
    });
  }

  #configuration(options: MetricOptions<LabelSpecs>): {
    name: string;
    help: string;
    labelNames: string[];
    registers: [Registry<typeof Registry.PROMETHEUS_CONTENT_TYPE>];
  } {
    return {
      name: options.name,
      help: options.help,
      labelNames: Object.keys(options.labels ?? {}),
      registers: [this.#registry],
    };
  }
}

/** Turns the values of open labels beyond their limit into "other". Remembers only as many values as the limit. */
function boundLabels(specs: LabelSpecs | undefined): (labels: object | undefined) => Record<string, string> {
  const seen = new Map<string, Set<string>>();
  return (labels = {}) => {
    const bound: Record<string, string> = {};
    for (const [name, value] of Object.entries(labels as Readonly<Record<string, string>>)) {
      const spec = specs?.[name];
      bound[name] = spec !== undefined && 'atMost' in spec ? admit(seen, name, value, spec.atMost) : value;
    }
    return bound;
  };
}

function admit(seen: Map<string, Set<string>>, name: string, value: string, atMost: number): string {
  const values = seen.get(name) ?? new Set();
  seen.set(name, values);
  if (values.has(value)) return value;
  if (values.size >= atMost) return 'other';
  values.add(value);
  return value;
}

/** Samples as they are shown: with bounded labels, and those that became equal by it added up. */
function* boundSamples(
  specs: LabelSpecs | undefined,
  samples: Iterable<Sample<LabelSpecs>>,
): Generator<{ labels: Record<string, string>; value: number }> {
  const bound = boundLabels(specs);
  const sums = new Map<string, { labels: Record<string, string>; value: number }>();
  for (const sample of samples) {
    const labels = bound(sample.labels);
    const key = JSON.stringify(Object.values(labels));
    const sum = sums.get(key);
    if (sum === undefined) sums.set(key, { labels, value: sample.value });
    else sum.value += sample.value;
  }
  yield* sums.values();
}

/** Every combination of values; none when a label is open. */
function closedCombinations(specs: LabelSpecs | undefined): Record<string, string>[] {
  let combinations: Record<string, string>[] = [{}];
  for (const [name, values] of Object.entries(specs ?? {})) {
    if ('atMost' in values) return [];
    combinations = combinations.flatMap((labels) => values.map((value) => ({ ...labels, [name]: value })));
  }
  return combinations;
}
