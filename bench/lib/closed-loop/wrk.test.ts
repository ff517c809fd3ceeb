import { describe, expect, test } from 'vitest'
import { parseWrk } from './wrk.ts'

describe('the report of wrk', () => {
  test('is read from the line of our script', () => {
    const stdout = [
      'Running 2s test @ http://127.0.0.1:1/',
      'Requests/sec: 1.0',
      'BENCH {"requests":30000,"micros":2000000,"bytes":4000000,"p50":1500,"p99":9000,"p999":12500,"max":20000,"socketErrors":1,"statusErrors":2}',
      '',
    ].join('\n')
    expect(parseWrk(stdout)).toEqual({
      requests: 30_000,
      perSecond: 15_000,
      megabytesPerSecond: 2,
      p50Ms: 1.5,
      p99Ms: 9,
      p999Ms: 12.5,
      maxMs: 20,
      errors: 3,
    })
  })

  test('is missed when wrk says something else', () => {
    expect(() => parseWrk('unable to connect')).toThrow('wrk did not report: unable to connect')
  })
})
