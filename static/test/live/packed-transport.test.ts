import { expect, test } from 'vitest';

import { Api } from '../../src/api/client';
import { answerKey, packedSend } from '../../src/api/packed-send';
import { Problem } from '../../src/api/problem';
import { LiveClient } from '../../src/live/live-client';
import { packedConnect } from '../../src/live/packed-transport';
import { readReport, type ReportPack } from '../../src/model/report-pack';
import { RunFold } from '../../src/model/run-fold';
import { encodeFrame } from '../fake/encode-frame';
import { FakeClock } from '../fake/fake-clock';

const BASE = 'report:/api/v1';

function bytesOf(parts: readonly Uint8Array[]): Uint8Array {
  const out: number[] = [];
  for (const part of parts) {
    const length = new Uint8Array(4);
    new DataView(length.buffer).setUint32(0, part.length, true);
    out.push(...length, ...part);
  }
  return Uint8Array.from(out);
}

function packed(): ReportPack {
  const head = { run: 'r1', version: 'v1', answers: { '/runs/r1': { run: 'r1', name: 'é' } } };
  const frame = encodeFrame({
    ...{ kind: 'snapshot', channel: 0, from: 0, to: 7, nowNs: 0, tasks: 3, marks: [], expansions: [], rows: [] },
  });
  return readReport(bytesOf([new TextEncoder().encode(JSON.stringify(head)), frame]));
}

/** Lets everything that was queued happen. */
const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

/** A live client over a report. */
function clientOf(pack: ReportPack): LiveClient {
  const connect = packedConnect(pack);
  return new LiveClient({ url: BASE, socket: connect, events: connect, clock: new FakeClock(), random: () => 0 });
}

test('a report shows its run to every subscription, on its own channel', async () => {
  const client = clientOf(packed());
  const seen: number[] = [];
  // More than 127 channels: their numbers have two bytes then.
  for (let i = 0; i < 130; i++) {
    const fold = new RunFold();
    const stop = client.subscribeRun('r1', {
      frame: (frame) => {
        seen.push(frame.channel);
        return fold.apply(frame);
      },
    });
    expect(fold.table.seq, 'nothing comes before the call has returned').toBe(0);
    await turn();
    expect(fold.table.seq).toBe(7);
    stop();
  }
  expect(seen).toEqual(Array.from({ length: 130 }, (_, i) => i + 1));
  expect(client.counts).toEqual({ connects: 1, resyncs: 0, badFrames: 0, deadLinks: 0 });
});

test('it has no other run', async () => {
  const client = clientOf(packed());
  const problems: Problem[] = [];
  client.subscribeRun('r2', { frame: () => true, error: (problem) => problems.push(problem) });
  await turn();
  expect(problems.map(({ status }) => status)).toEqual([404]);
});

test('answers are found whatever the order of the parameters', async () => {
  expect(answerKey(`${BASE}/stats?quantiles=0.25,0.5&before=r1`, BASE)).toBe('/stats?before=r1&quantiles=0.25%2C0.5');
  const api = new Api(BASE, '', packedSend(BASE, packed().head.answers));
  expect(await api.run('r1')).toEqual({ run: 'r1', name: 'é' });
});

test('what a report lacks is a problem that is not asked for again', async () => {
  const api = new Api(BASE, '', packedSend(BASE, packed().head.answers));
  await expect(api.task('r1', 3)).rejects.toMatchObject({ status: 404, title: 'Not in a report' });
  await expect(api.cancel('r1')).rejects.toBeInstanceOf(Problem);
});

test('a report that is cut off is refused', () => {
  expect(() => readReport(bytesOf([Uint8Array.of(1, 2)]).subarray(0, 5))).toThrow(RangeError);
  expect(() => readReport(new Uint8Array())).toThrow(RangeError);
});
