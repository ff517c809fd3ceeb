import type { Scenario } from '../lib/scenario.ts'
import { constantRate } from './constant-rate.ts'
import { loadScenarios } from './load.ts'
import { pumpDelayed } from './pump-delayed.ts'
import { pumpRate } from './pump-rate.ts'
import { pumpWaiting } from './pump-waiting.ts'
import { startUp } from './start-up.ts'
import { workers } from './workers.ts'

/** All of them, in the order in which they run. */
export const SCENARIOS: readonly Scenario[] = [
  ...loadScenarios,
  constantRate,
  workers,
  startUp,
  pumpRate,
  pumpDelayed,
  pumpWaiting,
]
