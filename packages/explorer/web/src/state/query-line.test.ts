import { describe, expect, it } from 'vitest'
import { parseQuery } from '../../../src/query/parse.ts'
import { addTerm, clickedTerm, complete, completionAt } from './query-line.ts'

describe('terms that clicks add', () => {
  it.each([
    ['', 'only', 'response_code:500'],
    ['', 'exclude', 'not response_code:500'],
    ['api_name:a', 'only', 'api_name:a and response_code:500'],
    ['api_name:a AND alias:b', 'only', 'api_name:a and alias:b and response_code:500'],
    ['a or b', 'only', '(a or b) and response_code:500'],
    ['(a or b) and c', 'only', '(a or b) and c and response_code:500'],
    ['"a or b"', 'only', '"a or b" and response_code:500'],
    ['response_code:500', 'only', 'response_code:500'],
    ['not response_code:500 and a', 'only', 'a and response_code:500'],
    ['-response_code:500', 'only', 'response_code:500'],
    ['response_code:500 and a', 'exclude', 'a and not response_code:500'],
  ] as const)('%j %s', (line, how, expected) => {
    const added = addTerm(line, 'response_code:500', how)
    expect(added).toBe(expected)
    expect(() => parseQuery(added)).not.toThrow()
  })

  it.each([`/${'a/'.repeat(500_000)}`, `Mozilla (${'x" \\ *?: é 😀'.repeat(400)}`, `-${'é'.repeat(900)}`])(
    'have the beginning of a value that is too long',
    (value) => {
      const line = addTerm(
        addTerm('', clickedTerm('user_agent', value), 'only'),
        clickedTerm('request_uri', value),
        'exclude',
      )
      expect(line.length).toBeLessThan(1000)
      expect(parseQuery(line)).toMatchObject({ kind: 'and' })
    },
  )

  it('asks for records without a value, and for all others', () => {
    const none = clickedTerm('alias', '')
    expect(addTerm('', none, 'only')).toBe('-alias:*')
    expect(addTerm('-alias:*', none, 'exclude')).toBe('alias:*')
  })

  it.each([
    '/get',
    'foo@bar.com',
    'curl/8.5.0',
    'a b',
    '*',
    'and',
    'say "hi"',
    'C:\\x',
    '(x)',
    '::1',
    '[x]',
    'a?b',
    '-x',
  ])('means exactly %j', (value) => {
    const query = parseQuery(clickedTerm('user_agent', value))
    expect(query).toEqual({ kind: 'equals', field: 'user_agent', value })
  })

  it.each([
    ['/pay/\u202Efdp.exe', 'request_uri:/pay/?fdp.exe'],
    ['a\nb\u0000 c', 'request_uri:a?b??c'],
    ['/می\u200cخواهم', 'request_uri:/می\u200cخواهم'],
  ])('show all that they have of %j', (value, term) => {
    expect(clickedTerm('request_uri', value)).toBe(term)
    expect(() => parseQuery(term)).not.toThrow()
  })
})

describe('completion', () => {
  /** The cursor is at the bar. */
  const at = (text: string): ReturnType<typeof completionAt> => completionAt(text.replace('|', ''), text.indexOf('|'))

  it.each([
    ['|', 'field', ''],
    ['res|', 'field', 'res'],
    ['a:b and |', 'field', ''],
    ['a:b and (api|', 'field', 'api'],
    ['-ali|', 'field', 'ali'],
    ['alias:|', 'value', ''],
    ['alias:fo|', 'value', 'fo'],
    ['alias:"foo b|', 'value', 'foo b'],
    ['alias:"foo b|"', 'value', 'foo b'],
    ['alias:"a \\"b|', 'value', 'a "b'],
  ])('offers in %j a %s', (text, kind, prefix) => {
    expect(at(text)).toMatchObject({ kind, prefix })
  })

  it.each(['and|', 'a:b or|', '"free te|', 'response_code:>=5|', 'response_code:[4|'])(
    'offers nothing in %j',
    (text) => {
      expect(at(text)).toBeNull()
    },
  )

  it.each([
    ['res|', 'response_code', 'response_code:|'],
    ['-res| and b', 'response_code', '-response_code:| and b'],
    ['alias:fo|', 'foo bar', 'alias:"foo bar" |'],
    ['alias:"fo|"', 'foo', 'alias:foo |'],
    ['alias:f|oo and b', 'foo', 'alias:foo| and b'],
  ])('makes of %j with %j the line %j', (before, choice, after) => {
    const completion = at(before)
    if (completion === null) throw new Error('nothing to complete')
    const { line, cursor } = complete(before.replace('|', ''), completion, choice)
    expect(`${line.slice(0, cursor)}|${line.slice(cursor)}`).toBe(after)
  })
})
