import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

// The shell (templates/shell.html) is rendered by the Go program, so the build has no index.html: it finds the hashed
// names of main.ts and its styles in dist/.vite/manifest.json. Paths are relative, so that any path prefix works.
export default defineConfig({
  base: './',
  plugins: [svelte()],
  build: {
    outDir: 'dist',
    emptyOutDir: false, // dist/.keep is committed; `make static` clears the rest
    manifest: true,
    sourcemap: false,
    rollupOptions: { input: 'src/main.ts' },
  },
  test: {
    include: ['test/**/*.test.ts'],
    environment: 'node',
    env: { TZ: 'UTC' },
  },
});
