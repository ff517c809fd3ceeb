import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'
import { worldMap } from './build/world-map.ts'

/** Builds the page. Its answers carry a strict Content-Security-Policy, so nothing may be inlined into the HTML. */
export default defineConfig({
  root: fileURLToPath(new URL('web', import.meta.url)),
  plugins: [worldMap()],
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: '../dist/web',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: ['chrome123', 'firefox125', 'safari17.5'],
    cssTarget: ['chrome123', 'firefox125', 'safari17.5'],
    sourcemap: false,
    reportCompressedSize: true,
  },
  // `vite` alone, for work on the page: TEK_EXPLORER_API is an explorer that runs.
  server: { proxy: { '/api': process.env['TEK_EXPLORER_API'] ?? 'http://127.0.0.1:8084' } },
})
