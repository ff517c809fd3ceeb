import { expect, test } from 'vitest'
import { exposition } from './exposition.ts'
import { metricFamilies } from './gateway-figures.ts'
import { NO_FIGURES } from './process-figures.ts'

test('writes one head per metric and a line per value, with labels escaped', () => {
  const text = exposition([
    {
      name: 'a_total',
      type: 'counter',
      help: 'Back\\slash\nand line.',
      samples: [{ labels: { api_id: 'say "hi"\\\n', code: '2xx' }, value: 3 }, { value: 0.5 }],
    },
    { name: 'b', type: 'gauge', help: 'Empty.', samples: [] },
    { name: 'c', type: 'gauge', help: 'Odd.', samples: [{ value: Infinity }, { value: -Infinity }, { value: NaN }] },
  ])
  expect(text).toBe(
    [
      '# HELP a_total Back\\\\slash\\nand line.',
      '# TYPE a_total counter',
      'a_total{api_id="say \\"hi\\"\\\\\\n",code="2xx"} 3',
      'a_total 0.5',
      '# HELP b Empty.',
      '# TYPE b gauge',
      '# HELP c Odd.',
      '# TYPE c gauge',
      'c +Inf',
      'c -Inf',
      'c NaN',
      '',
    ].join('\n'),
  )
})

test('names counters with _total, and each metric once', () => {
  const families = metricFamilies(
    {
      total: { ...NO_FIGURES, requests: [['app', [1, 0, 5, 0, 0, 2]]] },
      processes: 1,
      processesLost: 0,
      redisIsUp: true,
      apisLoaded: 1,
      reloadsDone: 0,
      reloadsFailed: 0,
    },
    '1.2.3',
  )
  expect(new Set(families.map(({ name }) => name)).size).toBe(families.length)
  for (const { name, type, help } of families) {
    expect(name).toMatch(/^(tyk_gateway|process|nodejs)_[a-z0-9_]+$/)
    expect(name.endsWith('_total')).toBe(type === 'counter')
    expect(help).toMatch(/^[A-Z1].*\.$/)
  }
  const requests = families.find(({ name }) => name === 'tyk_gateway_requests_total')
  expect(requests?.samples).toEqual([
    { labels: { api_id: 'app', code: 'other' }, value: 1 },
    { labels: { api_id: 'app', code: '2xx' }, value: 5 },
    { labels: { api_id: 'app', code: '5xx' }, value: 2 },
  ])
})
