import { describe, expect, it } from 'vitest'
import type { Pipeline } from '../../api/types.ts'
import { healthOf, summaryOf } from './verdict.ts'

const sink = {
  name: 'STORE',
  type: 'sql',
  state: 'ok',
  lastError: null,
  delivered: 10,
  filtered: 0,
  retried: 0,
  dead: 0,
  dropped: 0,
  pending: 0,
  oldestPendingSeconds: null,
}
const account = {
  name: 'STORE',
  delivered: 10,
  filtered: 0,
  dead: 0,
  dropped: 0,
  pending: 0,
  missing: 0,
  completeness: 1,
}

function pipeline(change: Partial<Pipeline>): Pipeline {
  const range = { from: '2026-11-29T01:00:00.000Z', to: '2026-11-29T02:00:00.000Z', bucketMs: 1000 }
  return {
    range,
    newestRecord: null,
    sinks: [sink],
    lists: [],
    ledger: { counted: 10, sinks: [account] },
    problems: [],
    ...change,
  }
}

describe('the verdict over the pipeline', () => {
  it.each<[string, Partial<typeof account>]>([
    ['1 record is on the way to ', { pending: 1 }],
    ['2 records are on the way to ', { pending: 2 }],
    ['1 record of this range is not in ', { missing: 1 }],
    ['2 records of this range are not in ', { missing: 2 }],
  ])('says %s', (words, change) => {
    const { title } = summaryOf(pipeline({ ledger: { counted: 12, sinks: [{ ...account, ...change }] } }))
    expect(title).toContain(words)
  })

  it.each<[string, Partial<Pipeline>, string]>([
    ['every record is delivered', {}, 'good'],
    [
      'records are missing',
      { ledger: { counted: 12, sinks: [{ ...account, missing: 2, completeness: 0.83 }] } },
      'bad',
    ],
    [
      'nothing was counted',
      { ledger: { counted: 0, sinks: [{ ...account, delivered: 0, completeness: null }] } },
      'unknown',
    ],
    ['records are on their way', { ledger: { counted: 12, sinks: [{ ...account, pending: 2 }] } }, 'good'],
    [
      'records are on their way and the pump does not answer',
      { sinks: null, ledger: { counted: 12, sinks: [{ ...account, pending: 2 }] } },
      'attention',
    ],
    [
      'one sink has lost a record while another only waits for many',
      {
        ledger: {
          counted: 10,
          sinks: [
            { ...account, name: 'SLOW', pending: 9, completeness: 0.1 },
            { ...account, missing: 1, completeness: 0.9 },
          ],
        },
      },
      'bad',
    ],
    ['a sink fails', { ledger: null, sinks: [{ ...sink, state: 'failing', lastError: 'refused' }] }, 'attention'],
    ['something does not answer', { problems: [{ part: 'redis', message: 'm', cure: 'c' }] }, 'attention'],
    ['nothing is known', { sinks: null, ledger: null }, 'unknown'],
  ])('when %s', (_, change, state) => {
    expect(summaryOf(pipeline(change)).state).toBe(state)
  })

  it('names the sink that has lost most', () => {
    const sinks = [
      { ...account, name: 'FEW', dead: 1, pending: 8, completeness: 0.1 },
      { ...account, name: 'MANY', dropped: 2, completeness: 0.8 },
    ]
    expect(summaryOf(pipeline({ ledger: { counted: 10, sinks } })).title).toBe(
      '2 records of this range are not in MANY',
    )
  })

  it('is attention for a sink whose oldest record waits long', () => {
    expect(healthOf({ ...sink, oldestPendingSeconds: 5 })).toBe('good')
    expect(healthOf({ ...sink, oldestPendingSeconds: 500 })).toBe('attention')
    expect(healthOf({ ...sink, dead: 1 })).toBe('bad')
  })
})
