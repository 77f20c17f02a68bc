// The tabs above the inspector.

import type { RunTab } from '../../model/url-state';

export interface SideTab {
  readonly id: RunTab;
  readonly label: string;
  readonly title: string;
}

/**
 * The tabs in order; keys 1 to 8 choose them. What only the end of a run can show keeps its place and says so. The range is
 * there while one is chosen. `file` is the name of the file that the workflow was made of, empty for workflows of a program,
 * which have no such tab.
 */
export function tabsOf(live: boolean, hasRange = false, file = ''): SideTab[] {
  return [
    { id: 'statistics', label: 'Statistics', title: '1' },
    { id: 'path', label: 'Critical path', title: live ? 'Known when the run ends' : '2' },
    { id: 'edges', label: 'Edges', title: '3' },
    { id: 'events', label: 'Events', title: '4' },
    { id: 'tasks', label: 'Tasks', title: '5' },
    { id: 'what-if', label: 'What if', title: live ? 'Known when the run ends' : '6' },
    ...(hasRange ? [{ id: 'range', label: 'Range', title: '7' } as const] : []),
    ...(file === '' ? [] : [{ id: 'file', label: 'File', title: `${file}: 8` } as const]),
  ];
}
