import { expect, test } from 'vitest';

import { LiveClient } from '../../src/live/live-client';
import { RunFold } from '../../src/model/run-fold';
import { FakeClock } from '../fake/fake-clock';
import { randomGraph } from '../fake/fake-graph';
import { FakeRun, FakeTable } from '../fake/fake-run';
import { FakeNetwork, FakeService } from '../fake/fake-socket';
import { forSeeds } from '../fake/random';
import { contentOf, foldOf } from '../fake/table-of';

test('however often the link is cut, tables end equal: no gap, no repetition', () => {
  forSeeds(40, (random) => {
    const clock = new FakeClock();
    const network = new FakeNetwork(clock);
    const client = new LiveClient(network.deps);
    const run = new FakeRun(randomGraph(random), random);
    const table = new FakeTable(run.steps);
    table.advance(1);
    const watchers = [new RunFold(), new RunFold()];
    for (const fold of watchers) client.subscribeRun('r1', { frame: (frame) => fold.apply(frame) });
    let service: FakeService | undefined;
    let cuts = 0;
    for (let turn = 0; turn < 2000 && watchers.some(({ table: { ended } }) => !ended); turn++) {
      if (service?.connection !== network.socket && !network.socket.isClosed) {
        service = new FakeService(network.socket, table);
        network.socket.hello();
      }
      service?.answer();
      table.advance(random.whole(0, 3));
      for (const { bytes, isLast } of service?.connection.isClosed === false ? service.due(random.whole(1, 20)) : []) {
        const luck = cuts < 30 ? random.next() : 1;
        if (luck < 0.1) {
          cuts++;
          service!.connection.cut();
          break;
        }
        if (luck < 0.15 && isLast) continue; // a whole step ahead: nothing that TCP does, but a bug of a service may
        const damaged = luck < 0.18 ? bytes.subarray(0, bytes.length - 1) : bytes;
        service!.connection.events.bytes(damaged);
      }
      if (service?.connection.isClosed === false && random.chance(0.2)) {
        service.connection.say({ type: 'heartbeat', now: '', seq: { 1: table.seq, 2: table.seq } });
      }
      clock.advance(random.whole(0, 2_000));
    }
    for (const fold of watchers) expect(contentOf(fold.table)).toEqual(contentOf(foldOf(run)));
  });
});
