import { describe, expect, it } from 'vitest'
import { areasOf, parseKnown, readGatewayReport, readPumpReport, table } from './conformance/summary.mjs'

const gateway = {
  vectors: [
    { path: 'article/a', area: 'article', error: '', diffs: [] },
    { path: 'article/b', area: 'article', error: '', diffs: [{ path: 'steps.0', expected: 1, got: 2 }] },
    { path: 'cache/c', area: 'cache', error: 'no answer', diffs: [] },
  ],
}

describe('the conformance summary', () => {
  it('counts passed and total per area', () => {
    const areas = areasOf(readGatewayReport(gateway), new Map(), ['article'])
    expect(areas).toMatchObject([
      { area: 'article', required: true, passed: 1, total: 2, failed: [{ name: 'article/b' }] },
      { area: 'cache', required: false, passed: 0, total: 1 },
    ])
    expect(table(areas)).toContain('1 / 2    required: FAILED')
  })

  it('takes a known difference out of the failures, not into the passes', () => {
    const [article] = areasOf(readGatewayReport(gateway), parseKnown('article/b  # on purpose'), ['article'])
    expect(article).toMatchObject({ passed: 1, known: 1, failed: [] })
  })

  it('points out a known difference that passes', () => {
    const [article] = areasOf(readGatewayReport(gateway), parseKnown('article/a # was different'), [])
    expect(article?.surprises).toEqual(['article/a'])
  })

  it('refuses a known difference without a reason', () => {
    expect(() => parseKnown('article/b')).toThrow('without a reason')
  })

  it('counts what was skipped as not passed', () => {
    const report = { results: [{ vector: 'sql/a', area: 'sql', status: 'skipped', detail: 'needs --postgres' }] }
    expect(areasOf(readPumpReport(report), new Map(), [])).toMatchObject([
      { passed: 0, total: 1, skipped: 1, failed: [] },
    ])
  })
})
