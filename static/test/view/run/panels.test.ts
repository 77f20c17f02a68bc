import { describe, expect, it } from 'vitest';

import type { RunSummary } from '../../../src/api/schema';
import type { Bounds } from '../../../src/model/bounds';
import type { RunFigures } from '../../../src/model/run-figures';
import { noStates } from '../../../src/model/states';
import { bannerText } from '../../../src/view/state/banner';
import { expectedEnd, liveAxisNs } from '../../../src/view/state/expected-end';
import { duration } from '../../../src/model/format';
import { endedFigures, liveFigures, standingText, makespanFigure } from '../../../src/view/state/key-figures';
import type { Metric } from '../../../src/model/metric';
import { type ColourMode, runColourModes } from '../../../src/model/url-state';
import { longestPreparation } from '../../../src/model/preparation';
import { legendModes, legendRamp, legendStates } from '../../../src/view/state/legend';
import { stripEnds, stripMarks, stripOf, stripPx } from '../../../src/view/state/median-strip';
import { rowsInSight } from '../../../src/view/state/rows-in-sight';
import { freshness, statusWord, recordedText } from '../../../src/view/state/run-words';
import { tabsOf } from '../../../src/view/state/side-tabs';
import { byNumber, workerLabels } from '../../../src/view/state/worker-labels';

const run = {
  status: 'succeeded',
  live: false,
  retries: 0,
  attempts: 90,
  edges: 213,
  tasks: { total: 89, done: 89, cached: 0, failed: 0, skipped: 0, running: 0, not_run: 0 },
  records: { complete: true, text: 'complete: 90 of 90 steps', damage: '', end_unknown: false },
  standing: null,
  schedule_ns: null,
  imported: null,
} as unknown as RunSummary;
const figures: RunFigures = {
  elapsedNs: 10e9,
  slots: 8,
  slotsThere: 8,
  busyNs: 40e9,
  pausedNs: 0,
  busyShare: 0.5,
  slotsMean: 7.5,
  lately: { busy: 6.2, slots: 8 },
};
const imported = {
  format: 'WfFormat 1.5',
  system: '',
  incomplete: '',
  notes: [],
  recorded_ns: 52_200e9,
  explained_ns: 1860e9,
  bytes_in: 1024,
  bytes_moved: 2048,
  bytes_out: null,
  cpu_ns: null,
  dated: true,
  lanes: 'the lowest',
};
const bounds = { fromNs: 0, closingNs: 0, makespanNs: 10e9, occupancy: { starvedSlotNs: 25e9 } } as unknown as Bounds;
const plain = (text: string): string => text.replaceAll('\u00a0', ' ');

describe('how a run stands', () => {
  it('goes with its retries', () => {
    expect(statusWord({ ...run, retries: 1 })).toBe('succeeded, 1 retry');
    expect(statusWord({ ...run, status: 'failed', tasks: { ...run.tasks, failed: 1 } })).toBe('failed');
    expect(statusWord({ ...run, tasks: { ...run.tasks, failed: 2 } })).toBe('succeeded, 2 tasks failed');
  });

  it('says how fresh a live run is, and when nothing is heard', () => {
    const base = { live: true, nowMs: 10_000, sinceEventNs: 2e8, records: run.records, imported: null };
    const open = { kind: 'open', sinceMs: 0, lastMs: 0, transport: 'socket' } as const;
    const waiting = {
      kind: 'waiting',
      sinceMs: 5000,
      lastMs: 4000,
      retryMs: 12_000,
      attempt: 1,
      reason: 'closed',
    } as const;
    expect(freshness({ ...base, link: open }).text).toBe('last event 0.2 s ago');
    expect(freshness({ ...base, link: waiting })).toMatchObject({ text: 'no event for 6 s, trying again', cut: true });
    expect(freshness({ ...base, link: { kind: 'connecting', sinceMs: 0, attempt: 0 } }).text).toBe('connecting');
    expect(freshness({ ...base, link: { kind: 'connecting', sinceMs: 0, attempt: 2 } }).cut).toBe(true);
    expect(freshness({ ...base, live: false, link: waiting }).text).toBe(run.records.text);
    const ended = { ...base, live: false, link: open, imported };
    expect(freshness({ ...ended, reconstructed: 'because' })).toEqual({
      text: 'imported, schedule reconstructed',
      title: 'because',
      cut: false,
    });
    expect(freshness(ended)).toEqual({ text: 'imported, lanes reconstructed', title: 'the lowest', cut: false });
  });

  it('has a banner only when it was interrupted', () => {
    expect(bannerText(run)).toBeNull();
    expect(bannerText({ ...run, status: 'interrupted' })?.title).toContain('process ended');
  });
});

describe('key figures', () => {
  const labels = (list: readonly { label: string; sub: string }[]): string[] =>
    list.map((one) => `${one.label}: ${plain(one.sub)}`);

  it('put each number into proportion', () => {
    const traffic = { movedBytes: 2048, keptBytes: 1024, inlineBytes: 0, edges: 3, unsized: 0 };
    expect(labels(endedFigures({ run, figures, bounds, traffic }))).toEqual([
      'Slots busy: 40.0 s of 7.5 × 10.0 s',
      'Nothing ready: of 7.5 idle, on average',
      'Moved: 1.00 KiB stayed local',
      'Tasks: 90 attempts, 213 edges',
    ]);
    expect(endedFigures({ run, figures, bounds, traffic: undefined })[2]?.value).toBeNull();
    const paused = endedFigures({ run, figures: { ...figures, pausedNs: 8e9 }, bounds, traffic });
    expect(labels(paused)[0]).toBe('Slots busy: 40.0 s of 7.5 × 10.0 s, less 8.00 s in pauses');
  });

  it('of a live run compare with the past while that makes sense', () => {
    const counts = { ...noStates(), running: 3, fetching: 1, succeeded: 40, ready: 2 };
    const elapsed = (past: number[], expected: ReturnType<typeof expectedEnd> = null): string =>
      plain(liveFigures({ figures, counts, tasks: 89, paused: false, expected, past })[0]!.sub);
    expect(elapsed([])).toBe('');
    expect(elapsed([1e9, 2e9, 3e9, 4e9])).toBe('');
    expect(elapsed([1e9, 2e9, 3e9, 4e9, 20e9])).toBe('longer than 4 of 5 like it');
    const prediction = {
      run: 'r',
      as_of_ns: 10e9,
      done: 3,
      running: 1,
      runs: 23,
      min_runs: 5,
      level: 1,
      method: 'm',
      simulated: 400,
      calibration: { runs: 18, within_p90: 17, below_p10: 1 },
    };
    const end = { p10_ns: 11e9, p50_ns: 12e9, p90_ns: 14e9 };
    expect(elapsed([], expectedEnd({ ...prediction, end }))).toBe('of about 12.0 s (11.0 s to 14.0 s)');
    expect(expectedEnd({ ...prediction, missing: 'not enough runs' })).toBeNull();
    expect(expectedEnd(undefined)).toBeNull();
    expect(
      labels(liveFigures({ figures, counts, tasks: 89, paused: false, expected: null, past: [] })).slice(1, 4),
    ).toEqual([
      'Tasks ended: 45 %',
      'Slots busy so far: 40.0 s of 7.5 × 10.0 s',
      'Slots at work: 78 % busy in the last second',
    ]);
  });

  it('give the recorded makespan of an imported run, and how much of it tasks explain', () => {
    const taken = { ...run, makespan_ns: 52_200e9, schedule_ns: 1860e9, imported, reconstructed: 'because' };
    const figure = makespanFigure(taken, null, bounds);
    expect(figure).toMatchObject({ label: 'Makespan, recorded', value: duration(52_200e9) });
    expect(plain(figure.sub)).toBe('31m of 14h 30m are tasks; 13h 59m are not recorded');
    expect(figure.title).toContain('because');
    expect(labels(endedFigures({ run: taken, figures, bounds, traffic: undefined }))[1]).toContain(
      'idle, as reconstructed',
    );
    const longer = { ...imported, explained_ns: 60_000e9 };
    expect(plain(recordedText(longer))).toBe('tasks take 16h 40m, longer than what was recorded');
    expect(plain(recordedText({ ...imported, recorded_ns: 0 }))).toBe('tasks take 31m; no makespan is recorded');
  });

  it('say how much was cached, where something was', () => {
    const tasks = { ...run.tasks, total: 60, done: 60, cached: 40 };
    const [, , figure] = endedFigures({ run: { ...run, tasks }, figures, bounds, traffic: undefined });
    expect(figure).toMatchObject({ label: 'From cache', value: { figure: '40', unit: 'of 60 tasks' } });
    expect(plain(figure!.sub)).toBe('67 % not executed');
    const without = endedFigures({ run, figures, bounds, traffic: undefined });
    expect(without.map(({ label }) => label)).not.toContain('From cache');
  });

  it('rank the makespan in words', () => {
    expect(standingText(null)).toBe('');
    expect(
      standingText({
        peers: { scope: 'same', runs: 40, workflow: 'w', terms: [] },
        runs: 40,
        slower: 1,
        slower_than: 39,
        median_ns: 1,
        limit_ns: null,
        effect: 0,
        slow: false,
      }),
    ).toBe('2nd slowest of 41');
  });
});

describe('the axis of a live run', () => {
  it('rests while the run grows, and always holds now and the expected end', () => {
    const ends = new Set<number>();
    for (let now = 1e9; now < 1.4e9; now += 1e7) {
      const end = liveAxisNs(now, null);
      expect(end).toBeGreaterThan(now);
      ends.add(end);
    }
    expect(ends.size).toBeLessThan(4);
    expect(liveAxisNs(1e9, { p10Ns: 4e9, p50Ns: 5e9, p90Ns: 6e9, runs: 9 })).toBeGreaterThan(6e9);
  });
});

describe('the legend', () => {
  it('offers colours of what the run has measured, and the one that a link asks for', () => {
    const offered = (measured: readonly Metric[], chosen: ColourMode) =>
      legendModes(runColourModes, measured, chosen).map(({ mode }) => mode);
    expect(offered(['execute_ns'], 'state')).not.toContain('cpu');
    expect(offered(['execute_ns'], 'memory')).toContain('memory');
    expect(offered(['execute_ns', 'cpu_ns', 'memory_bytes'], 'state')).toEqual(
      expect.arrayContaining(['cpu', 'memory']),
    );
  });

  it('gives peak memory in doubling steps up to the largest, and none where none was measured', () => {
    const steps = legendRamp('memory', false, 57 * 2 ** 20)?.steps;
    expect(steps).toEqual(
      ['< 2 MiB', '2 MiB', '4 MiB', '8 MiB', '16 MiB', '32 MiB'].map((step) => step.replace(/(?<=\d) /, '\u00a0')),
    );
    expect(legendRamp('memory', false, Number.NaN)?.steps).toEqual([]);
    expect(legendRamp('state', false, 1)).toBeUndefined();
  });

  it('gives rare states a place only where the run has them at any time', () => {
    const final = { ...noStates(), succeeded: 3, skipped: 1 };
    const states = legendStates(noStates(), final).map((one) => one.state);
    expect(states).toEqual([
      'pending',
      'ready',
      'fetching',
      'storing',
      'running',
      'succeeded',
      'retrying',
      'failed',
      'skipped',
    ]);
    expect(legendStates(noStates(), { ...final, cached: 2 }).map((one) => one.state)).toContain('cached');
    expect(legendStates(noStates(), final).every((one) => one.token !== 'cached')).toBe(true);
  });
});

describe('strips', () => {
  const past = { n: 9, min: 50, max: 300, p25: 90, p50: 100, p75: 130, bins: [], ecdf: [] };
  const scale = { ...stripEnds([0.5, 1, 3]), widthPx: 100 };

  it('share one scale on which twice and half lie equally far from one', () => {
    const wide = { low: 0.25, high: 4, widthPx: 102 };
    expect(stripPx(wide, 2) - stripPx(wide, 1)).toBe(stripPx(wide, 1) - stripPx(wide, 0.5));
    expect([scale.low, scale.high]).toEqual([0.5, 3]);
  });

  it('keep a straggler at the edge', () => {
    const far = { ...stripEnds([1, 5000]), widthPx: 100 };
    expect(far.high).toBe(8);
    expect(stripPx(far, 5000)).toBe(99);
  });

  it('show the band of the past and the median of this run', () => {
    const strip = stripOf([200], 200, past, scale);
    expect(strip.median).toBe(stripPx(scale, 2));
    expect(strip.band?.x).toBe(stripPx(scale, 0.9));
    expect(strip.text).toBe('median 2.00 × the past');
    expect(stripOf([], NaN, undefined, scale)).toMatchObject({
      ticks: '',
      band: null,
      median: null,
      text: 'nothing yet',
    });
  });

  it('always mark one, and no two marks touch', () => {
    for (const widthPx of [48, 80, 300]) {
      const marks = stripMarks({ low: 0.2, high: 8, widthPx });
      expect(marks.map((mark) => mark.text)).toContain('1×');
      for (let i = 1; i < marks.length; i++) expect(marks[i]!.x - marks[i - 1]!.x).toBeGreaterThanOrEqual(24);
    }
  });
});

describe('long tables', () => {
  it('have the rows in sight and few more', () => {
    const at = rowsInSight({ count: 100_000, rowPx: 22, scrollTop: 22_000, heightPx: 440 });
    expect(at.from).toBeLessThanOrEqual(1000);
    expect(at.to).toBeGreaterThanOrEqual(1020);
    expect(at.to - at.from).toBeLessThan(60);
    expect(rowsInSight({ count: 0, rowPx: 22, scrollTop: 0, heightPx: 100 })).toEqual({ from: 0, to: 0 });
    expect(rowsInSight({ count: 1e6, rowPx: 22, scrollTop: 0, heightPx: 1e7 }).to).toBeLessThanOrEqual(200);
    expect(rowsInSight({ count: 5, rowPx: 22, scrollTop: 9999, heightPx: 100 }).to).toBe(5);
  });
});

describe('workers', () => {
  it('have a place by number, those that only lanes know too', () => {
    const lanes = { lanes: [], workers: [{ worker: 2, slots: [] }] };
    const named = [{ worker: 0, name: 'vm:1', host: 'vm' }] as unknown as Parameters<typeof workerLabels>[0];
    const labels = workerLabels(named, lanes);
    expect(labels.map(({ number, process }) => [number, process])).toEqual([
      [0, 'vm'],
      [2, ''],
    ]);
    expect(byNumber(labels).map((one) => one.process)).toEqual(['vm', '', '']);
  });

  it('have what they prepared, without what was there already', () => {
    const one = { key: 'k', name: 'Python interpreters', started_ns: 1, ended_ns: 9, bytes: 5, reused: false };
    const preparations = [one, { ...one, name: 'numpy', ended_ns: null }, { ...one, reused: true }];
    const workers = [{ worker: 0, name: 'vm:1', host: 'vm', preparations }] as unknown as Parameters<
      typeof workerLabels
    >[0];
    const [label] = workerLabels(workers, { lanes: [], workers: [] });
    expect(label!.preparations).toEqual([
      { name: 'Python interpreters', fromNs: 1, toNs: 9, bytes: 5, error: '' },
      { name: 'numpy', fromNs: 1, toNs: Infinity, bytes: 5, error: '' },
    ]);
    expect(longestPreparation(label!.preparations)?.name).toBe('numpy');
    expect(longestPreparation([])).toBeUndefined();
  });

  it.each([
    ['alone', [['vm:7', 'vm']], ['vm']],
    ['alone but named', [['alpha', 'vm']], ['alpha']],
    [
      'of one host',
      [
        ['vm:7', 'vm'],
        ['vm:8', 'vm'],
        ['alpha', 'vm'],
      ],
      ['vm:7', 'vm:8', 'alpha'],
    ],
    [
      'of several hosts',
      [
        ['alpha', 'a'],
        ['b:8', 'b'],
      ],
      ['alpha a', 'b:8'],
    ],
    ['of no known host', [['alpha', '']], ['alpha']],
  ] as const)('are named by what distinguishes them: %s', (_, named, want) => {
    const workers = named.map(([name, host], number) => ({ worker: number, name, host })) as unknown as Parameters<
      typeof workerLabels
    >[0];
    expect(workerLabels(workers, { lanes: [], workers: [] }).map(({ process }) => process)).toEqual(want);
  });
});

describe('tabs', () => {
  it('keep their place while live, and say why', () => {
    expect(tabsOf(true, false).map((tab) => tab.id)).toEqual(tabsOf(false, false).map((tab) => tab.id));
    expect(tabsOf(true, true).at(-1)?.id).toBe('range');
    expect(tabsOf(true, false)[1]?.title).toBe('Known when the run ends');
  });

  it('have the file of a workflow that was made of one', () => {
    expect(tabsOf(false).some((tab) => tab.id === 'file')).toBe(false);
    expect(tabsOf(false, false, 'words.yaml').at(-1)).toEqual({ id: 'file', label: 'File', title: 'words.yaml: 8' });
  });
});
