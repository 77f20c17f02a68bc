/** One entry of a Menu. A disabled one keeps its place and says why in `title`. */
export interface MenuItem {
  readonly id: string;
  readonly label: string;
  readonly run: () => void;
  readonly disabled?: boolean;
  readonly title?: string;
  readonly danger?: boolean;
  /** What it has in common with those next to it that have the same; a heading above them. */
  readonly group?: string;
}

/** The entries with those of a group together, in the order in which the groups begin. */
export function menuGroups(items: readonly MenuItem[]): { group: string; items: MenuItem[] }[] {
  const groups = new Map<string, MenuItem[]>();
  for (const item of items) {
    const { group = '' } = item;
    groups.set(group, [...(groups.get(group) ?? []), item]);
  }
  return [...groups].map(([group, own]) => ({ group, items: own }));
}
