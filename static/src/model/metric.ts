// What statistics are about. Names are those of the service, see metricsstore.Metric; total_ns is the page's own.

import { bytes, duration, type Quantity, rate } from './format';
import { fillPhases, Phase } from './phases';
import { Outcome, type RunTable, type Usage } from './run-table';

interface MetricKind {
  /** In a sentence. */
  readonly name: string;
  /** What a share is of, in a sentence. */
  readonly amount: string;
  /** Values of several attempts may be added up. */
  readonly adds: boolean;
  /** Words for more of it and for less. */
  readonly words: readonly [more: string, less: string, most: string];
}

const slower = ['slower', 'faster', 'slowest'] as const;
const larger = ['larger', 'smaller', 'largest'] as const;
const higher = ['higher', 'lower', 'highest'] as const;

const kinds = {
  execute_ns: { name: 'execute', amount: 'execute time', adds: true, words: slower },
  cpu_ns: { name: 'CPU time', amount: 'CPU time', adds: true, words: higher },
  fetch_ns: { name: 'fetch', amount: 'fetch time', adds: true, words: slower },
  store_ns: { name: 'store', amount: 'store time', adds: true, words: slower },
  queue_ns: { name: 'queue', amount: 'queue time', adds: true, words: slower },
  wait_ns: { name: 'wait', amount: 'wait time', adds: true, words: slower },
  update_ns: { name: 'update', amount: 'update time', adds: true, words: slower },
  total_ns: { name: 'total', amount: 'total time', adds: true, words: slower },
  memory_bytes: { name: 'memory', amount: 'memory', adds: false, words: larger },
  read_bytes: { name: 'read', amount: 'bytes read', adds: true, words: larger },
  written_bytes: { name: 'written', amount: 'bytes written', adds: true, words: larger },
  output_bytes: { name: 'output', amount: 'output bytes', adds: true, words: larger },
  stored_bytes: { name: 'stored', amount: 'stored bytes', adds: true, words: larger },
  output_bytes_per_s: { name: 'output rate', amount: 'output rate', adds: false, words: higher },
} as const satisfies Record<string, MetricKind>;

export type Metric = keyof typeof kinds;

/** All metrics, in the order in which they are offered. */
export const metrics = Object.keys(kinds) as Metric[];

export function kindOf(metric: Metric): MetricKind {
  return kinds[metric];
}

/** What a metric is called where it stands alone. */
export function metricTitle(metric: Metric): string {
  const { name } = kinds[metric];
  return name[0]!.toUpperCase() + name.slice(1);
}

export function isMetric(name: string | null): name is Metric {
  return metrics.some((metric) => metric === name);
}

/** Unit of the values of a metric. */
export function unitOf(metric: Metric): 'ns' | 'bytes' | 'bytes_per_s' {
  if (metric.endsWith('_bytes_per_s')) return 'bytes_per_s';
  return metric.endsWith('_bytes') ? 'bytes' : 'ns';
}

/** A value of a metric as it is shown. */
export function quantityOf(metric: Metric, value: number): Quantity {
  switch (unitOf(metric)) {
    case 'ns':
      return duration(value);
    case 'bytes':
      return bytes(value);
    case 'bytes_per_s':
      return rate(value);
  }
}

const phaseOf: Partial<Record<Metric, number>> = {
  execute_ns: Phase.execute,
  fetch_ns: Phase.fetch,
  store_ns: Phase.store,
  queue_ns: Phase.queue,
  wait_ns: Phase.wait,
  update_ns: Phase.update,
};

const usageOf: Partial<Record<Metric, keyof Usage>> = {
  cpu_ns: 'cpuNs',
  memory_bytes: 'memoryBytes',
  read_bytes: 'readBytes',
  written_bytes: 'writtenBytes',
};

const phases = new Float64Array(6);

/** Value of a metric of an attempt that has ended; NaN where it is not known. */
export function valueOf(table: RunTable, row: number, metric: Metric): number {
  const used = usageOf[metric];
  if (used !== undefined) return table.usage.get(row)?.[used] ?? Number.NaN;
  switch (metric) {
    case 'total_ns':
      return table.updatedNs[row]! - table.claimedNs[row]!;
    case 'output_bytes':
      return table.outputBytes[row]!;
    case 'stored_bytes':
      return table.storedBytes[row]!;
    case 'output_bytes_per_s':
      return rateOf(table.outputBytes[row]!, table.endedNs[row]! - table.startedNs[row]!);
    default:
      fillPhases(table, row, phases);
      return phases[phaseOf[metric]!]!;
  }
}

/** Bytes in a time by the second, as the service rounds it; NaN where either is nothing. */
function rateOf(size: number, ns: number): number {
  return size > 0 && ns > 0 ? Math.floor((size * 1e9) / ns) : Number.NaN;
}

const known = new WeakMap<RunTable, { version: number; metrics: readonly Metric[] }>();

/** Metrics of which the run has a value: every run has times, few have measured what their attempts used. */
export function metricsOf(table: RunTable): readonly Metric[] {
  const before = known.get(table);
  if (before?.version === table.version) return before.metrics;
  const found = metrics.filter((metric) => isTiming(metric) || hasAny(table, metric));
  known.set(table, { version: table.version, metrics: found });
  return found;
}

/** A time that follows from the moments of an attempt. */
function isTiming(metric: Metric): boolean {
  return metric === 'total_ns' || phaseOf[metric] !== undefined;
}

function hasAny(table: RunTable, metric: Metric): boolean {
  if (usageOf[metric] !== undefined && table.usage.size === 0) return false;
  for (let row = 0; row < table.rows; row++) {
    if (table.outcome[row] === Outcome.ok && !Number.isNaN(valueOf(table, row, metric))) return true;
  }
  return false;
}
