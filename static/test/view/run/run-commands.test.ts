import { describe, expect, it } from 'vitest';

import { CommandRegistry } from '../../../src/input/commands';
import type { RunSummary } from '../../../src/api/schema';
import type { Api } from '../../../src/api/client';
import { exportItems, pictureItems } from '../../../src/view/state/exports';
import { jumpItems } from '../../../src/view/state/jumps';
import { runCommands } from '../../../src/view/state/run-commands';
import type { RunView } from '../../../src/view/state/run.svelte';

/** A view that notes what it is asked to do. */
function notes(more: Partial<RunView> = {}): { view: RunView; done: string[] } {
  const done: string[] = [];
  const note =
    (name: string) =>
    (...args: unknown[]): void =>
      void done.push([name, ...args.map((arg) => JSON.stringify(arg))].join(' '));
  const playback = {
    atNs: 40,
    nowNs: 100,
    toggle: note('toggle'),
    step: note('step'),
    home: note('home'),
    end: note('end'),
  };
  const view = {
    ready: true,
    live: false,
    selected: 3,
    criticalPath: false,
    analysis: { events: 0, landmarks: { failed: [], retried: [4, 9], longest: [3] } },
    playback,
    choices: { range: null },
    choose: note('choose'),
    select: note('select'),
    place: { keep: note('keep') },
    ...more,
  };
  return { view: view as unknown as RunView, done };
}

function press(registry: CommandRegistry, key: string, code = key, shiftKey = false): boolean {
  const none = {
    ctrlKey: false,
    metaKey: false,
    shiftKey,
    altKey: false,
    defaultPrevented: false,
    isComposing: false,
  };
  return registry.handle({ ...none, key, code, target: null, preventDefault: () => undefined });
}

function registryOf(view: RunView, done: string[]): CommandRegistry {
  const registry = new CommandRegistry();
  // Those of the shell, which exist before a page adds its own.
  registry.add({ id: 'help', title: '', group: '', chords: ['?'], run: () => undefined });
  registry.add({ id: 'theme', title: '', group: '', chords: ['t'], run: () => undefined });
  registry.add({ id: 'search', title: '', group: '', chords: ['/'], run: () => undefined });
  const reveal = (node: number): void => void done.push(`reveal ${String(node)}`);
  const graph = {
    reveal,
    fit: () => done.push('fit'),
    zoomBy: (f: number) => done.push(f > 1 ? 'in' : 'out'),
    step: (x: number) => (x > 0 ? 7 : -1),
    pan: (x: number, y: number) => done.push(`pan ${String(Math.sign(x))} ${String(Math.sign(y))}`),
  };
  const pictures = {
    graph: () => graph as never,
    lanes: () => ({ fit: () => undefined, reveal, picture: () => null }),
  };
  for (const command of runCommands(view, pictures)) registry.add(command);
  return registry;
}

describe('keys of a run page', () => {
  it('move the playhead and keep its place in the address', () => {
    const { view, done } = notes();
    const registry = registryOf(view, done);
    for (const key of [' ', '.', ',', 'Home', 'End']) expect(press(registry, key)).toBe(true);
    expect(done.filter((one) => !one.startsWith('keep'))).toEqual(['toggle', 'step 1 0', 'step -1 0', 'home', 'end']);
    expect(done.filter((one) => one === 'keep "drag"')).toHaveLength(5);
  });

  it('move the graph, by arrows and by the place of wasd', () => {
    const { view, done } = notes();
    const registry = registryOf(view, done);
    for (const key of ['f', '0', '+', '=', '-', 'ArrowLeft', 'ArrowDown']) press(registry, key);
    press(registry, 'q', 'KeyA');
    expect(done).toEqual(['fit', 'fit', 'in', 'in', 'out', 'pan 1 0', 'pan 0 -1', 'pan 1 0']);
  });

  it('select the task next to the selected one, where there is one', () => {
    const { view, done } = notes();
    const registry = registryOf(view, done);
    press(registry, 'ArrowRight', 'ArrowRight', true);
    press(registry, 'ArrowLeft', 'ArrowLeft', true);
    expect(done).toEqual(['select 7']);
  });

  it('choose a range from and to the playhead, and clear it when no task is open', () => {
    const chosen = (key: string, range: { fromNs: number; toNs: number } | null): string | undefined => {
      const { view, done } = notes({ selected: -1, choices: { range } } as Partial<RunView>);
      press(registryOf(view, done), key);
      return done[0];
    };
    const ranged = (fromNs: number, toNs: number) =>
      `choose {"range":{"fromNs":${fromNs},"toNs":${toNs}},"tab":"range"}`;
    expect(chosen('[', null)).toBe(ranged(40, 100));
    expect(chosen(']', null)).toBe(ranged(0, 40));
    expect(chosen('[', { fromNs: 10, toNs: 60 })).toBe(ranged(40, 60));
    expect(chosen(']', { fromNs: 50, toNs: 60 })).toBe(ranged(0, 40));
    expect(chosen('z', { fromNs: 50, toNs: 60 })).toBe('choose {"lanes":{"fromNs":50,"toNs":60}}');
    expect(chosen('Escape', { fromNs: 50, toNs: 60 })).toBe('choose {"range":null}');
    expect([chosen('z', null), chosen('7', null), chosen('Escape', null)]).toEqual([undefined, undefined, undefined]);
  });

  it('go to landmarks, one after the other, in both pictures', () => {
    const { view, done } = notes();
    const registry = registryOf(view, done);
    expect(['x', 'r', 'l'].map((key) => press(registry, key))).toEqual([false, true, true]);
    expect(done).toEqual(['select 4', 'reveal 4', 'reveal 4', 'select 3', 'reveal 3', 'reveal 3']);
    const [failed, retried] = jumpItems(registry, view.analysis.landmarks);
    expect([failed!.disabled, failed!.title]).toEqual([true, 'No task has failed']);
    retried!.run();
    expect(done.slice(6)).toEqual(['select 4', 'reveal 4', 'reveal 4']);
  });

  it('choose tabs, and close what is selected', () => {
    const { view, done } = notes();
    const registry = registryOf(view, done);
    for (const key of ['1', '5', 'Escape']) press(registry, key);
    expect(done).toEqual(['choose {"tab":"statistics"}', 'choose {"tab":"tasks"}', 'select -1']);
  });

  it('compare with the last good run', () => {
    const done: string[] = [];
    const app = { report: undefined, navigate: (path: string) => done.push(path) };
    const { view } = notes({ run: 'abc', app: app as never });
    expect(press(registryOf(view, done), 'v')).toBe(true);
    expect(done).toEqual(['/compare/last-good...abc']);
    const { view: reported } = notes({ run: 'abc', app: { ...app, report: { run: 'abc' } } as never });
    expect(press(registryOf(reported, done), 'v')).toBe(false);
  });

  it('do nothing where there is nothing to do', () => {
    const { view, done } = notes({ live: true, selected: -1 });
    const registry = registryOf(view, done);
    expect([press(registry, 'c'), press(registry, 'Escape')]).toEqual([false, false]);
    const unready = notes({ ready: false });
    expect(press(registryOf(unready.view, unready.done), ' ')).toBe(false);
    expect([...done, ...unready.done]).toEqual([]);
  });
});

describe('exports', () => {
  it('offer both pictures as they are shown, as SVG and PNG', () => {
    const titles: string[] = [];
    const picture = {
      svg: (title: string) => String(titles.push(title)),
      flatten: () => ({ toBlob: () => titles.push('png') }),
    };
    const handle = { picture: () => picture } as never;
    const items = pictureItems({ graph: () => handle, lanes: () => undefined }, 'polite-eagle');
    expect(items.map((item) => item.label)).toEqual([
      'Graph as shown, SVG',
      'Graph as shown, PNG',
      'Lanes as shown, SVG',
      'Lanes as shown, PNG',
    ]);
    items[1]!.run();
    items[2]!.run();
    expect(titles).toEqual(['png']);
  });

  const api = { url: (path: string) => path } as unknown as Api;
  const off = (run: Partial<RunSummary>): string[] =>
    exportItems(api, { run: 'r', name: 'n', live: false, tasks: { total: 3 }, ...run } as RunSummary)
      .filter((item) => item.disabled)
      .map((item) => item.id);

  it('keep their place where they cannot be had, and say why', () => {
    expect(off({})).toEqual([]);
    expect(off({ live: true })).toEqual(['archive', 'html']);
    expect(off({ tasks: { total: 301 } as RunSummary['tasks'] })).toEqual(['svg', 'png']);
  });
});
