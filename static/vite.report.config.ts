import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

// The run page as one script and one sheet, which the Go program writes into each report (web/report). A page opened from
// a file can import no modules, so nothing is split.
export default defineConfig({
  plugins: [svelte()],
  build: {
    outDir: 'dist/report',
    emptyOutDir: true,
    sourcemap: false,
    modulePreload: false,
    cssCodeSplit: false,
    rolldownOptions: {
      input: 'src/report.ts',
      // What loads further modules asks where it is itself; in a report everything is loaded.
      checks: { emptyImportMeta: false },
      output: {
        format: 'iife',
        codeSplitting: false,
        entryFileNames: 'report.js',
        assetFileNames: 'report[extname]',
      },
    },
  },
});
