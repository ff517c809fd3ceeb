// What does it save to match endpoint paths of the common forms without a regular expression?
// Run: node --conditions=source bench/endpoint-path.bench.ts
import { RE2JS } from 're2js'
import { matchesSegments, segmentPatternOf } from '../src/router/segments.ts'

const REGEXES = ['^/users/([^/]+)/orders$', '^/items/.*', '/admin', '^/catalog$', '/a/[^/]+/b']
const PATHS = ['/users/7/orders', '/items/1/2/3', '/x/admin/y', '/catalog', '/nothing/at/all/like/it']
const CALLS = 200_000

const regexes = REGEXES.map((regex) => RE2JS.compile(regex))
const segments = REGEXES.map(segmentPatternOf).filter((pattern) => pattern !== null)

function measure(name: string, testAll: (path: string) => number): void {
  let hits = 0
  let bestMs = Infinity
  for (let round = 0; round < 5; round++) {
    const startedMs = performance.now()
    for (let i = 0; i < CALLS; i++) hits += testAll(PATHS[i % PATHS.length] as string)
    bestMs = Math.min(bestMs, performance.now() - startedMs)
  }
  const nanoseconds = Math.round((bestMs * 1e6) / CALLS / REGEXES.length)
  process.stdout.write(`${name}: ${nanoseconds} ns a test (${hits} hits)\n`)
}

measure('regular expressions', (path) => regexes.filter((regex) => regex.test(path)).length)
measure('literals and segments', (path) => segments.filter((pattern) => matchesSegments(pattern, path)).length)
