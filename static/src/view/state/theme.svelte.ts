// Light, dark, or as the system has it.

import { flushSync } from 'svelte';

import { type Keep, recall, remember } from './preference';

export const themeChoices = ['auto', 'light', 'dark'] as const;
export type ThemeChoice = (typeof themeChoices)[number];

const KEY = 'dagscope.theme';

/** The theme; it sets data-theme on the document, which tokens.css reads. `version` moves when colours change. */
export class Theme {
  #choice: ThemeChoice = $state('auto');
  #version = $state(0);
  #root: HTMLElement;
  #keep: Keep;
  readonly #beforePrint = new Set<() => void>();

  constructor(root: HTMLElement, keep: Keep) {
    this.#root = root;
    this.#keep = keep;
    this.#choice = recall(keep, KEY, themeChoices, 'auto');
    this.#apply();
  }

  get choice(): ThemeChoice {
    return this.#choice;
  }

  /** For pictures: read the palette again when it moves. */
  get version(): number {
    return this.#version;
  }

  choose(choice: ThemeChoice): void {
    if (choice === this.#choice) return;
    this.#choice = choice;
    remember(this.#keep, KEY, choice);
    this.#apply();
    this.#version++;
  }

  /** Auto, light, dark, and again. */
  next(): void {
    const at = themeChoices.indexOf(this.#choice);
    this.choose(themeChoices[(at + 1) % themeChoices.length]!);
  }

  /** Notices changes of the system's scheme and contrast, and paper, which is white; the function it returns ends that. */
  watch(host: Window): () => void {
    const queries = ['(prefers-color-scheme: dark)', '(prefers-contrast: more)', '(forced-colors: active)'];
    const lists = queries.map((query) => host.matchMedia(query));
    const changed = (): void => {
      this.#version++;
    };
    const printing = (): void => {
      this.#root.dataset['theme'] = 'light';
      changed();
      flushSync();
      for (const paint of this.#beforePrint) paint();
    };
    const printed = (): void => {
      this.#apply();
      changed();
    };
    for (const list of lists) list.addEventListener('change', changed);
    host.addEventListener('beforeprint', printing);
    host.addEventListener('afterprint', printed);
    return () => {
      for (const list of lists) list.removeEventListener('change', changed);
      host.removeEventListener('beforeprint', printing);
      host.removeEventListener('afterprint', printed);
    };
  }

  /** Calls back before the page is printed, when its colours are those of paper; the function it returns ends that. */
  beforePrint(paint: () => void): () => void {
    this.#beforePrint.add(paint);
    return () => this.#beforePrint.delete(paint);
  }

  #apply(): void {
    if (this.#choice === 'auto') delete this.#root.dataset['theme'];
    else this.#root.dataset['theme'] = this.#choice;
  }
}
