import { Command } from 'ioredis'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ListElements } from './list-elements.ts'

const words = fc.array(fc.uint8Array({ maxLength: 120 }), { minLength: 1, maxLength: 30 })

describe('elements of a list', () => {
  test('are the command that the client would write', () => {
    const elements = new ListElements()
    fc.assert(
      fc.property(words, (all) => {
        elements.clear()
        for (const word of all) elements.add(word)
        const expected = new Command('RPUSH', ['list', ...all.map((word) => Buffer.from(word))]).toWritable({})
        expect(Buffer.from(elements.command('list'))).toEqual(Buffer.from(expected))
        expect(elements.count).toBe(all.length)
      }),
    )
  })

  test('find room for large ones, and say that it is not kept', () => {
    const elements = new ListElements()
    const all = [Buffer.alloc(10, 1), Buffer.alloc(700_000, 2), Buffer.alloc(2_000_000, 3)]
    for (const each of all) elements.add(each)
    const expected = new Command('RPUSH', ['list', ...all]).toWritable({})
    expect(elements.command('list').equals(Buffer.from(expected))).toBe(true)
    expect(elements.isReusable).toBe(false)
  })

  test('take no more room than they need when they have to wait', () => {
    const elements = new ListElements()
    elements.add(Buffer.from('word'))
    elements.trim()
    expect(elements.command('list').toString()).toBe('*3\r\n$5\r\nRPUSH\r\n$4\r\nlist\r\n$4\r\nword\r\n')
    expect(elements.isReusable).toBe(false)
  })

  test('refuse a name that does not fit before them', () => {
    expect(() => new ListElements().command('x'.repeat(300))).toThrow('too long')
  })
})
