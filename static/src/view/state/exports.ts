// What a run can be exported as.

import type { Api } from '../../api/client';
import type { RunSummary } from '../../api/schema';
import { count } from '../../model/format';
import type { MenuItem } from '../parts/menu-item';
import type { Pictures } from './pictures';

interface Kind {
  readonly id: string;
  readonly group: string;
  readonly label: string;
  readonly path: string;
  readonly format?: string;
}

/** The headings of the menu. */
export const exportGroups = {
  whole: 'Everything',
  tables: 'Tables',
  tools: 'For other tools',
  pictures: 'Pictures',
} as const;

const { whole, tables, tools, pictures } = exportGroups;

const kinds: readonly Kind[] = [
  { id: 'archive', group: whole, label: 'Archive, to import elsewhere', path: '/archive' },
  { id: 'html', group: whole, label: 'Report, one HTML file', path: '/export', format: 'html' },
  { id: 'csv', group: tables, label: 'Tasks, CSV', path: '/export', format: 'csv' },
  { id: 'parquet', group: tables, label: 'Tasks, Parquet', path: '/export', format: 'parquet' },
  { id: 'records', group: tables, label: 'Records, NDJSON', path: '/export', format: 'records' },
  { id: 'events', group: tables, label: 'Events, NDJSON', path: '/export', format: 'events' },
  { id: 'chrome', group: tools, label: 'Chrome trace', path: '/export', format: 'chrome' },
  { id: 'otlp', group: tools, label: 'OpenTelemetry trace, OTLP JSON', path: '/export', format: 'otlp' },
  { id: 'wfformat', group: tools, label: 'WfFormat 1.6, for WfCommons', path: '/export', format: 'wfformat' },
  { id: 'wfformat-1.5', group: tools, label: 'WfFormat 1.5', path: '/export', format: 'wfformat-1.5' },
  { id: 'svg', group: pictures, label: 'Drawing by Graphviz, SVG', path: '/drawing', format: 'svg' },
  { id: 'png', group: pictures, label: 'Drawing by Graphviz, PNG', path: '/drawing', format: 'png' },
  { id: 'dot', group: pictures, label: 'Graph in the DOT language', path: '/drawing', format: 'dot' },
];

/** Graphviz draws graphs up to this many tasks; larger ones would keep it busy for minutes. */
const DRAWN = 300;

/** Entries of the export menu; the browser saves what each answers. */
export function exportItems(api: Api, run: RunSummary): MenuItem[] {
  return kinds.map((kind) => {
    const tooLarge = kind.path === '/drawing' && kind.format !== 'dot' && run.tasks.total > DRAWN;
    const unfinished = (kind.path === '/archive' || kind.format === 'html') && run.live;
    const title = tooLarge ? `Graphviz draws up to ${count(DRAWN)} tasks` : unfinished ? 'When the run has ended' : '';
    return {
      id: kind.id,
      group: kind.group,
      label: kind.label,
      disabled: tooLarge || unfinished,
      title,
      run: () => {
        const query = kind.format === undefined ? {} : { format: kind.format };
        saveUrl(api.url(`/runs/${encodeURIComponent(run.run)}${kind.path}`, query), run.name);
      },
    };
  });
}

/** Saves what an address answers; the service names the file. */
export function saveUrl(href: string, name: string): void {
  const link = document.createElement('a');
  link.href = href;
  link.download = name;
  link.click();
}

/** Entries for the pictures as they are shown. */
export function pictureItems(pictures: Pictures, run: string): MenuItem[] {
  const shown = [
    { id: 'graph', label: 'Graph as shown', picture: () => pictures.graph()?.picture() },
    { id: 'lanes', label: 'Lanes as shown', picture: () => pictures.lanes()?.picture() },
  ] as const;
  return shown.flatMap(({ id, label, picture }) => [
    {
      id: `${id}-svg`,
      group: exportGroups.pictures,
      label: `${label}, SVG`,
      run: () => saveSvg(picture()?.svg(`${run}, ${id}`), `${run}-${id}.svg`),
    },
    {
      id: `${id}-png`,
      group: exportGroups.pictures,
      label: `${label}, PNG`,
      run: () => savePng(picture()?.flatten(), `${run}-${id}.png`),
    },
  ]);
}

function saveSvg(text: string | undefined, name: string): void {
  if (text !== undefined) saveBlob(new Blob([text], { type: 'image/svg+xml' }), name);
}

function savePng(canvas: HTMLCanvasElement | undefined, name: string): void {
  canvas?.toBlob((blob) => {
    if (blob) saveBlob(blob, name);
  });
}

/** Saves bytes as a file. */
export function saveBlob(blob: Blob, name: string): void {
  const href = URL.createObjectURL(blob);
  saveUrl(href, name);
  // The download has begun by the next turn of the event loop; the address is not needed any more.
  setTimeout(() => {
    URL.revokeObjectURL(href);
  });
}
