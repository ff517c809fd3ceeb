import { array, assert, constantFrom, nat, property } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { guiltyField, guiltyPath, moveAside, noteLeftOut } from './quarantine.ts'

const parsed = (document: string | null): Record<string, unknown> =>
  JSON.parse(document ?? 'null') as Record<string, unknown>

interface Quarantined {
  readonly fields: string[]
  readonly values: string[]
  readonly reasons: string[]
}
const quarantined = (document: string | null): Quarantined => parsed(document)['quarantined'] as Quarantined

describe('the field a refusal names', () => {
  it.each([
    ['6.8, OpenSearch 2', "failed to parse field [alias] of type [date] in document with id 'a'", 'alias'],
    ['5.6', 'failed to parse [alias]', 'alias'],
    ['8 and 9', "[1:6] failed to parse field [alias] of type [date] in document with id 'a'", 'alias'],
    ['any, a sub-field', '[1:6] failed to parse field [alias.keyword] of type [keyword]', 'alias'],
    ['any, a text for an object', 'object mapping for [o] tried to parse field [o] as object, but found …', 'o'],
    ['any, a list for an object', '[1:7] object mapping for [o] tried to parse field [null] as object', 'o'],
    ['6, 7, OpenSearch', 'Document contains at least one immense term in field="api_key" (whose UTF8 …', 'api_key'],
    ['strict', '[1:7] mapping set to strict, dynamic introduction of [alias] within [_doc] is not allowed', 'alias'],
    ['two first documents', 'mapper [alias] cannot be changed from type [long] to [text]', 'alias'],
  ])('is found in the words of %s', (_, reason, field) => {
    expect(guiltyField(reason)).toBe(field)
  })

  it('has its whole name where documents are objects in objects', () => {
    const reason = "[1:6] failed to parse field [client.geo.location] of type [geo_point] in document with id 'a'"
    expect([guiltyField(reason), guiltyPath(reason)]).toEqual(['client', 'client.geo.location'])
  })

  it.each(['Limit of total fields [1000] has been exceeded', 'no reason given', "x failed to parse field [alias]'"])(
    'is none in "%s"',
    (reason) => {
      expect(guiltyField(reason)).toBeNull()
    },
  )
})

describe('moving a field aside', () => {
  it('keeps every other field, and the value as text that is no date and no number', () => {
    const document = '{"@timestamp":"2020-01-01T00:00:00Z","alias":"2021-01-02","content_length":9223372036854775807}'
    const moved = moveAside(document, 'alias', '400 x: failed')
    expect(moved).toBe(
      '{"@timestamp":"2020-01-01T00:00:00Z","content_length":9223372036854775807,' +
        '"quarantined":{"fields":["alias"],"values":["alias=2021-01-02"],"reasons":["400 x: failed"]}}',
    )
  })

  it('makes text of what is none', () => {
    expect(quarantined(moveAside('{"tags":["a","b"]}', 'tags', 'r')).values).toEqual(['tags=["a","b"]'])
    expect(quarantined(moveAside('{"n":12345678901234567890}', 'n', 'r')).values).toEqual(['n=12345678901234567890'])
    expect(quarantined(moveAside('{"tags":null}', 'tags', 'r')).values).toEqual(['tags=null'])
  })

  it('moves one after the other', () => {
    const both = moveAside(moveAside('{"a":"1","b":"2","c":"3"}', 'a', 'first') ?? '', 'b', 'second')
    expect(parsed(both)).toEqual({
      c: '3',
      quarantined: { fields: ['a', 'b'], values: ['a=1', 'b=2'], reasons: ['first', 'second'] },
    })
  })

  it.each([
    ['tyk.api.id', { tyk: { api: { name: 'n' }, alias: 'a' }, tags: ['t'] }, 'tyk.api.id=7'],
    ['tyk.alias', { tyk: { api: { id: 7, name: 'n' } }, tags: ['t'] }, 'tyk.alias=a'],
    ['tyk.alias.keyword', { tyk: { api: { id: 7, name: 'n' } }, tags: ['t'] }, 'tyk.alias=a'],
    ['tyk.api', { tyk: { alias: 'a' }, tags: ['t'] }, 'tyk.api={"id":7,"name":"n"}'],
    ['tags.keyword', { tyk: { api: { id: 7, name: 'n' }, alias: 'a' } }, 'tags=["t"]'],
  ])('takes %s out of the object it lies in', (path, rest, value) => {
    const document = '{"tyk":{"api":{"id":7,"name":"n"},"alias":"a"},"tags":["t"]}'
    const { quarantined: note, ...others } = parsed(moveAside(document, path, 'r'))
    expect(others).toEqual(rest)
    expect(note).toEqual({ fields: [value.split('=')[0]], values: [value], reasons: ['r'] })
  })

  it('leaves no empty objects behind, and finds nothing that is not there', () => {
    expect(parsed(moveAside('{"a":{"b":{"c":1}},"d":2}', 'a.b.c', 'r'))).toMatchObject({ d: 2 })
    expect(parsed(moveAside('{"a":{"b":{"c":1}},"d":2}', 'a.b.c', 'r'))).not.toHaveProperty('a')
    expect(moveAside('{"a":{"b":1}}', 'a.c', 'r')).toBeNull()
    expect(moveAside('{"a":{"b":1}}', 'a.toString', 'r')).toBeNull()
  })

  it.each([
    ['the time', '@timestamp'],
    ['a field that the document does not have', 'other'],
    ['what was moved before', 'quarantined'],
  ])('leaves %s alone', (_, field) => {
    expect(moveAside('{"@timestamp":"x","quarantined":{}}', field, 'r')).toBeNull()
  })

  it('cuts a long value into terms that every mapping of strings takes, and loses nothing of it', () => {
    assert(
      property(array(constantFrom('€', '😀', 'a', '"'), { minLength: 1 }), nat(30_000), (part, size) => {
        const value = part.join('').repeat(Math.ceil((8_001 + size) / part.join('').length))
        const { values } = quarantined(moveAside(JSON.stringify({ f: value }), 'f', 'r'))
        for (const piece of values) expect(Buffer.byteLength(piece)).toBeLessThan(32_766)
        expect(values.every((piece) => piece.isWellFormed())).toBe(true)
        expect(values.map((piece, i) => piece.slice(`f[${i}]=`.length)).join('')).toBe(value)
      }),
      { numRuns: 50 },
    )
  })

  it('keeps no more than the beginning of a long reason', () => {
    expect(quarantined(noteLeftOut('{}', ['raw_request'], 'r'.repeat(40_000))).reasons[0]).toHaveLength(1_000)
  })

  it('says which fields were left out', () => {
    expect(parsed(noteLeftOut('{"raw_request":""}', ['raw_request'], '413'))).toEqual({
      raw_request: '',
      quarantined: { fields: ['raw_request'], reasons: ['413'] },
    })
  })
})
