// What does a request cost the router with 2, 100 and 1,000 APIs, when one of them matches and when two do?
// Run: node --conditions=source bench/router.bench.ts
import type { CompiledApi } from '../src/api-definition/compiled-api.ts'
import { buildRouter } from '../src/router/router.ts'
import { apiWith } from '../test/support/steps.ts'

const CALLS = 500_000

const rows = [2, 100, 1000].flatMap((count) => [
  { count, name: `${count} APIs`, more: [] },
  {
    count,
    name: `${count} APIs and one that takes the rest`,
    more: [apiWith({ api_id: 'rest', proxy: { listen_path: '/' } })],
  },
])

for (const { count, name, more } of rows) {
  const apis: CompiledApi[] = Array.from({ length: count }, (_, i) =>
    apiWith({ api_id: `id-${i}`, proxy: { listen_path: `/service-${i}/` } }),
  )
  apis.push(...more)
  const router = buildRouter(apis, { enableCustomDomains: false, strictRoutes: false, hostname: '' })
  const paths = Array.from({ length: 64 }, (_, i) => `/service-${(i * 7) % count}/orders/17`)
  let bestMs = Infinity
  let hits = 0
  for (let round = 0; round < 5; round++) {
    const startedMs = performance.now()
    for (let i = 0; i < CALLS; i++) if (router.match('gateway.test', paths[i & 63] as string).kind === 'api') hits++
    bestMs = Math.min(bestMs, performance.now() - startedMs)
  }
  process.stdout.write(`${name}: ${Math.round((bestMs * 1e6) / CALLS)} ns a request (${hits} found)\n`)
}
