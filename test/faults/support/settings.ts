/** What the environment decides about a run of the fault suite. See CONTRIBUTING.md. */
import { type Random, createRandom } from '../../support/random.ts'

const number = (name: string, fallback: number): number => Number(process.env[name] || fallback)

/** Decides what happens in which order. The job prints it; without the job each file has one of its own. */
export const SEED = number('TEK_FAULT_SEED', Date.now() % 2 ** 32)
/** Of one test alone: tests run at the same time, and would take numbers from each other. */
export function randomOf(test: string): Random {
  let seed = SEED
  for (const character of test) seed = (Math.imul(seed, 31) + character.charCodeAt(0)) >>> 0
  return createRandom(seed)
}

/** Pumps that are killed; a third as many again while they spill. */
export const KILLS = number('TEK_FAULT_KILLS', 40)
/** Random schedules of everything that can go wrong. */
export const SCHEDULES = number('TEK_FAULT_SCHEDULES', 4)
/** How long Elasticsearch is away under load. */
export const OUTAGE_SECONDS = number('TEK_FAULT_OUTAGE_SECONDS', 20)
/** Life of a source list, as a gateway sets it, in the test in which Redis is away for half as long again. */
export const TTL_SECONDS = number('TEK_FAULT_TTL_SECONDS', 8)

/**
 * Megabytes that no pump of the suite may come to, whatever waits for it. Its windows are 8 MB for each sink; what is beyond
 * the 150 MB of a pump at rest is garbage that is collected late where processors are short.
 */
export const MOST_RSS_MB = 500
