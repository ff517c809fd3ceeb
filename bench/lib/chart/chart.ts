import type { Result } from '../results.ts'
import { barGroups } from './bars.ts'
import { bullets } from './bullets.ts'
import { document } from './svg.ts'

const WIDTH = 970
const MARGIN = 24

/** Scenarios whose programs stand beside nginx in the picture. */
const SHOWN = new Set(['keyless', 'keyless-analytics', 'jwt', 'token', 'tls'])

/** One picture of what has been measured: the promises, and the programs beside nginx. */
export function chartSvg(results: readonly Result[]): string {
  const findings = new Map(results.flatMap((result) => result.findings).map((finding) => [finding.id, finding]))
  const promised = bullets(findings, MARGIN, MARGIN + 14)
  const groups = results.filter(({ name, bars }) => SHOWN.has(name) && bars.length > 0)
  const beside = barGroups(groups, MARGIN, MARGIN + 14 + promised.height + 30)
  const height = MARGIN + 14 + promised.height + 30 + (groups.length > 0 ? beside.height : -30) + MARGIN
  return document(WIDTH, height, 'What the bench measured', [...promised.svg, ...(groups.length > 0 ? beside.svg : [])])
}
