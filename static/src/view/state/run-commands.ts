// What keys do on a run page.

import type { Chord } from '../../input/chords';
import type { Command } from '../../input/commands';
import { comparePath, type RunTab, runTabs } from '../../model/url-state';
import { LAST_GOOD } from './comparing.svelte';
import { jumpCommands } from './jumps';
import type { Pictures } from './pictures';
import type { RunView } from './run.svelte';

export const COMPARE = 'Compare with the last good run';
const ZOOM = 1.3;
const PAN_PX = 60;

/** Commands of the page, for its keys and for the help. */
export function runCommands(view: RunView, pictures: Pictures): Command[] {
  return [...pictureCommands(view, pictures), ...timeCommands(view), ...panelCommands(view), ...compareCommands(view)];
}

/** Those of the pictures, whatever else the page has. */
export function pictureCommands(view: RunView, pictures: Pictures): Command[] {
  return [
    ...playbackCommands(view),
    ...graphCommands(pictures),
    ...stepCommands(view, pictures),
    ...jumpCommands(view, pictures),
    ...choiceCommands(view),
  ];
}

function playbackCommands(view: RunView): Command[] {
  const { playback } = view;
  const command = (id: string, title: string, chord: Chord, act: () => void): Command => ({
    id,
    title,
    group: 'Playback',
    chords: [chord],
    when: () => view.ready,
    run: () => {
      act();
      view.place.keep('drag');
    },
  });
  return [
    command('play', 'Play or pause', 'Space', () => playback.toggle()),
    command('next-event', 'Next event', '.', () => playback.step(1, view.analysis.events)),
    command('previous-event', 'Previous event', ',', () => playback.step(-1, view.analysis.events)),
    command('start', 'Start of the run', 'Home', () => playback.home()),
    command('end', 'End of the run, or live', 'End', () => playback.end()),
  ];
}

function graphCommands(pictures: Pictures): Command[] {
  const command = (id: string, title: string, chords: readonly Chord[], run: () => void): Command => {
    return { id, title, group: 'Graph and lanes', chords, run };
  };
  const pan = (dx: number, dy: number) => (): void => pictures.graph()?.pan(dx * PAN_PX, dy * PAN_PX);
  const fit = (): void => {
    pictures.graph()?.fit();
    pictures.lanes()?.fit();
  };
  return [
    command('fit', 'Fit all', ['f', '0'], fit),
    command('zoom-in', 'Zoom in', ['+', '='], () => pictures.graph()?.zoomBy(ZOOM)),
    command('zoom-out', 'Zoom out', ['-'], () => pictures.graph()?.zoomBy(1 / ZOOM)),
    command('pan-left', 'Move left', ['ArrowLeft', 'code:KeyA'], pan(1, 0)),
    command('pan-right', 'Move right', ['ArrowRight', 'code:KeyD'], pan(-1, 0)),
    command('pan-up', 'Move up', ['ArrowUp', 'code:KeyW'], pan(0, 1)),
    command('pan-down', 'Move down', ['ArrowDown', 'code:KeyS'], pan(0, -1)),
  ];
}

function stepCommands(view: RunView, pictures: Pictures): Command[] {
  const step = (way: string, chord: Chord, dx: number, dy: number): Command => ({
    id: `select-${way}`,
    title: `Select the next task ${way}`,
    group: 'Graph and lanes',
    chords: [chord],
    when: () => view.ready,
    run: () => {
      const node = pictures.graph()?.step(dx, dy) ?? -1;
      if (node >= 0) view.select(node);
    },
  });
  return [
    step('left', 'Shift+ArrowLeft', -1, 0),
    step('right', 'Shift+ArrowRight', 1, 0),
    step('up', 'Shift+ArrowUp', 0, -1),
    step('down', 'Shift+ArrowDown', 0, 1),
  ];
}

function compareCommands(view: RunView): Command[] {
  return [
    {
      id: 'compare',
      title: COMPARE,
      group: 'Panels',
      chords: ['v'],
      when: () => view.ready && view.app.report === undefined,
      run: () => view.app.navigate(comparePath(LAST_GOOD, view.run)),
    },
  ];
}

/** What is done with what is chosen. */
function choiceCommands(view: RunView): Command[] {
  const command = (id: string, title: string, chord: Chord, when: () => boolean, run: () => void): Command => {
    return { id, title, group: 'Graph and lanes', chords: [chord], when: () => view.ready && when(), run };
  };
  const ended = (): boolean => !view.live;
  const ranged = (): boolean => view.choices.range !== null;
  const chosen = (): boolean => view.selected >= 0 || ranged();
  const close = (): void => (view.selected >= 0 ? view.select(-1) : view.choose({ range: null }));
  return [
    command('critical-path', 'Critical path', 'c', ended, () => view.choose({ criticalPath: !view.criticalPath })),
    command('range-zoom', 'Show only the time of the range', 'z', ranged, () =>
      view.choose({ lanes: view.choices.range }),
    ),
    command('close', 'Close the task, else clear the range', 'Escape', chosen, close),
  ];
}

function timeCommands(view: RunView): Command[] {
  const command = (id: string, title: string, chord: Chord, run: () => void): Command => {
    return { id, title, group: 'Graph and lanes', chords: [chord], when: () => view.ready, run };
  };
  const choose = (fromNs: number, toNs: number): void =>
    view.choose({
      range: { fromNs: Math.round(fromNs), toNs: Math.max(Math.round(toNs), Math.round(fromNs) + 1) },
      tab: 'range',
    });
  const { playback } = view;
  return [
    command('folds', 'Fold gaps without work', 'g', () => view.choose({ folds: !view.choices.folds })),
    command('range-from', 'Begin the range at the playhead', '[', () => {
      const { toNs } = view.choices.range ?? { toNs: playback.nowNs };
      choose(playback.atNs, toNs > playback.atNs ? toNs : playback.nowNs);
    }),
    command('range-to', 'End the range at the playhead', ']', () => {
      const { fromNs } = view.choices.range ?? { fromNs: 0 };
      choose(fromNs < playback.atNs ? fromNs : 0, playback.atNs);
    }),
  ];
}

const digits = ['1', '2', '3', '4', '5', '6', '7', '8'] as const;

function isTabThere(view: RunView, tab: RunTab): boolean {
  if (tab === 'range') return view.choices.range !== null;
  return tab !== 'file' || view.summaryNow.file !== '';
}

function panelCommands(view: RunView): Command[] {
  const command = (id: string, title: string, chord: Chord, when: () => boolean, run: () => void): Command => {
    return { id, title, group: 'Panels', chords: [chord], when: () => view.ready && when(), run };
  };
  return runTabs.map((tab, i) =>
    command(
      `tab-${tab}`,
      `Show ${tab === 'path' ? 'critical path' : tab.replace('-', ' ')}`,
      digits[i]!,
      () => isTabThere(view, tab),
      () => view.choose({ tab }),
    ),
  );
}
