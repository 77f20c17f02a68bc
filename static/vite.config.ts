import { svelte } from '@sveltejs/vite-plugin-svelte';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

/**
 * Chromium compiles files that begin so while they load, off the main thread, instead of each function at its first call:
 * most are called before the first picture. See https://v8.dev/blog/explicit-compile-hints.
 */
const compiledEarly: Plugin = {
  name: 'compiled-early',
  generateBundle: {
    order: 'post', // nothing is put in front of it
    handler(_, bundle) {
      for (const file of Object.values(bundle))
        if (file.type === 'chunk') file.code = `//# allFunctionsCalledOnLoad\n${file.code}`;
    },
  },
};

// The shell (templates/shell.html) is rendered by the Go program, so the build has no index.html: it finds the hashed
// names of main.ts and its styles in dist/.vite/manifest.json. Paths are relative, so that any path prefix works.
export default defineConfig({
  base: './',
  plugins: [svelte(), compiledEarly],
  build: {
    outDir: 'dist',
    emptyOutDir: false, // dist/.keep is committed; `make static` clears the rest
    manifest: true,
    sourcemap: false,
    modulePreload: { polyfill: false }, // browsers that draw rounded rectangles know it
    // One sheet: a further one makes the browser style the whole page again.
    cssCodeSplit: false,
    rolldownOptions: {
      input: 'src/main.ts',
      // What several pages are made of comes in one file, not in twenty.
      output: {
        codeSplitting: {
          groups: [{ name: 'parts', test: /src\/(model|view)\//, minShareCount: 2 }],
        },
      },
    },
  },
  test: {
    include: ['test/**/*.test.ts'],
    environment: 'node',
    env: { TZ: 'UTC' },
  },
});
