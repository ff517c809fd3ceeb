import { describe, expect, test } from 'vitest'
import { chartSvg } from './chart/chart.ts'
import type { Conditions } from './conditions.ts'
import type { Result } from './results.ts'
import { summaryText } from './summary.ts'

const conditions = (startedAt: string): Conditions => ({
  startedAt,
  commit: 'abc1234',
  machine: '2 cores',
  programs: 'Node 24',
  rounds: 5,
  seconds: 5,
  pinned: true,
})
const spread = { median: 2.5, min: 2.1, max: 2.9, low: 2.1, high: 2.9 }
const result = (changes: Partial<Result>): Result => ({
  name: 'keyless-analytics',
  title: 'Keyless & analytics',
  conditions: conditions('2025-06-01T10:00:00.000Z'),
  report: [],
  warnings: [],
  findings: [{ id: 'keyless-stock', value: spread, byCpu: { median: 2.6, min: 2.4, max: 2.7, low: 2.4, high: 2.7 } }],
  bars: [{ label: 'gateway', ours: true, value: spread }],
  raw: null,
  ...changes,
})

describe('the summary', () => {
  test('sets each measure against floor and goal, and says which are missing', () => {
    const text = summaryText([result({})], [])
    expect(text).toContain('| ≥ 1.80× | ≥ 3.00× | 2.50× | 2.10× to 2.90× | 2.60× | floor met |')
    expect(text).toContain('| ≥ 0.75× | ≥ 0.85× | – | – | – | not measured |')
    expect(text).toContain('All in one run: 5 rounds of 5 s')
  })

  test('gives no verdict on a single round', () => {
    const quick = result({ conditions: { ...conditions('2025-06-01T10:00:00.000Z'), rounds: 1 } })
    expect(summaryText([quick], [])).toContain('| 2.60× | one round says nothing |')
  })

  test('tells runs apart', () => {
    const later = result({ name: 'jwt', title: 'JWT', conditions: conditions('2025-06-02T10:00:00.000Z') })
    expect(summaryText([result({}), later], [])).toMatch(
      /From more than one run:\n\n- keyless-analytics.*06-01.*\n- jwt.*06-02/,
    )
  })

  test('shows what failed', () => expect(summaryText([], ['TLS: failed'])).toContain('**TLS: failed**'))

  test('shows why figures are to be doubted', () => {
    const doubted = result({ warnings: ['Others took the core.'] })
    expect(summaryText([doubted], [])).toContain('- **keyless-analytics: Others took the core.**')
  })

  test('is drawn, names with special characters too', () => {
    const svg = chartSvg([result({})])
    expect(svg).toContain('2.50×  floor met')
    expect(svg).toContain('Keyless &amp; analytics')
    expect(svg).not.toContain('NaN')
  })
})
