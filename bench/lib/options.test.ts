import { describe, expect, test } from 'vitest'
import { readOptions } from './options.ts'

describe('the arguments of the bench', () => {
  test('are thirty rounds of half a second unless said otherwise', () => {
    expect(readOptions([])).toMatchObject({ only: [], rounds: 30, seconds: 0.5, connections: 64, quick: false })
  })

  test('name scenarios one by one or with commas', () => {
    expect(readOptions(['--only', 'keyless,jwt', '--only', 'tls']).only).toEqual(['keyless', 'jwt', 'tls'])
  })

  test('are short for a quick look, which can be prolonged', () => {
    expect(readOptions(['--quick', '--rounds', '3'])).toMatchObject({ rounds: 3, seconds: 0.5, quick: true })
  })

  test.each(['0', '-1', '1.5', 'many'])('take no %s for a number', (text) => {
    expect(() => readOptions([`--rounds=${text}`])).toThrow(`--rounds takes a number from 1 on, not ${text}`)
  })

  test('take parts of a second, and not too small ones', () => {
    expect(readOptions(['--seconds', '0.25']).seconds).toBe(0.25)
    for (const text of ['0.1', '-1', 'long', '1e3'])
      expect(() => readOptions([`--seconds=${text}`])).toThrow(`--seconds takes a number from 0.2 on, not ${text}`)
  })
})
