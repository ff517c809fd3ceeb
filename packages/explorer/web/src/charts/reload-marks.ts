import type { Reload } from '../api/types.ts'
import type { ChartMark } from './time-chart.tsx'

/** Where gateways had reloaded their configuration; one that failed has the colour of server errors. */
export const reloadMarks = (reloads: readonly Reload[]): ChartMark[] =>
  reloads.map(({ time, worked }) => ({ ms: Date.parse(time), colour: worked ? '--text-muted' : '--t-5xx' }))
