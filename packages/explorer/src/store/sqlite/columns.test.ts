import { describe, expect, it, vi } from 'vitest'
import { Dictionaries, Dictionary } from './columns.ts'

describe('a dictionary', () => {
  it('counts the memory of each different text once', () => {
    const dictionary = new Dictionary()
    for (let index = 0; index < 100; index++) dictionary.codeOf('x'.repeat(8000))
    expect(dictionary.bytes).toBeGreaterThan(8000)
    expect(dictionary.bytes).toBeLessThan(16_000)
  })

  it('parses each list once, and goes on where it was given up', () => {
    const dictionary = new Dictionary()
    for (let index = 0; index < 3000; index++) dictionary.codeOf(JSON.stringify(['all', `tag ${index}`]))
    let checks = 0
    const giveUp = (): void => {
      if (++checks > 2) throw new Error('given up')
    }
    expect(() => dictionary.lists(giveUp)).toThrow('given up')
    const parse = vi.spyOn(JSON, 'parse')
    const check = vi.fn<() => void>()
    const { items, members } = dictionary.lists(check)
    expect(parse).toHaveBeenCalledTimes(1000)
    expect(members).toHaveLength(3000)
    expect(items.texts).toHaveLength(3001)
    expect(members[7]?.map((code) => items.textOf(code))).toEqual(['all', 'tag 7'])
    dictionary.lists(check)
    expect(parse).toHaveBeenCalledTimes(1000)
    parse.mockRestore()
  })

  it('is the same for a field in all tables', () => {
    const dictionaries = new Dictionaries()
    expect(dictionaries.of('alias')).toBe(dictionaries.of('alias'))
    expect(dictionaries.of('alias')).not.toBe(dictionaries.of('api_key'))
    expect(dictionaries.of('alias').find('')).toBe(0)
  })
})
