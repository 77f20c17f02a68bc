// What statistics are about. Names are those of the service, see metricsstore.Metric; total_ns is the page's own.

import { fillPhases, Phase } from './phases';
import type { RunTable } from './run-table';

export const metrics = [
  'execute_ns',
  'fetch_ns',
  'store_ns',
  'queue_ns',
  'wait_ns',
  'update_ns',
  'total_ns',
  'output_bytes',
  'stored_bytes',
] as const;

export type Metric = (typeof metrics)[number];

/** What a metric is called on a page. */
export const metricTitles: Readonly<Record<Metric, string>> = {
  execute_ns: 'Execute',
  fetch_ns: 'Fetch',
  store_ns: 'Store',
  queue_ns: 'Queue',
  wait_ns: 'Wait',
  update_ns: 'Update',
  total_ns: 'Total',
  output_bytes: 'Output',
  stored_bytes: 'Stored',
};

export function isMetric(name: string | null): name is Metric {
  return metrics.some((metric) => metric === name);
}

/** Unit of a metric: its values are ns or bytes. */
export function unitOf(metric: Metric): 'ns' | 'bytes' {
  return metric.endsWith('_bytes') ? 'bytes' : 'ns';
}

const phaseOf: Partial<Record<Metric, number>> = {
  execute_ns: Phase.execute,
  fetch_ns: Phase.fetch,
  store_ns: Phase.store,
  queue_ns: Phase.queue,
  wait_ns: Phase.wait,
  update_ns: Phase.update,
};

const phases = new Float64Array(6);

/** Value of a metric of an attempt that has ended; NaN where it is not known. */
export function valueOf(table: RunTable, row: number, metric: Metric): number {
  switch (metric) {
    case 'total_ns':
      return table.updatedNs[row]! - table.claimedNs[row]!;
    case 'output_bytes':
      return table.outputBytes[row]!;
    case 'stored_bytes':
      return table.storedBytes[row]!;
    default:
      fillPhases(table, row, phases);
      return phases[phaseOf[metric]!]!;
  }
}
