import { describe, expect, it } from 'vitest'
import { streamNames } from './data-stream.ts'
import { decide, markOf, markText, readMark, readMarkText } from './mark.ts'
import { covers } from './patterns.ts'

describe('the names of a data stream', () => {
  it.each([
    ['logs-tyk.access-default', 'logs-tyk.access', 'logs-tyk.access-*'],
    ['logs-tyk.access-eu-west', 'logs-tyk.access', 'logs-tyk.access-*'],
    ['tyk-access', 'tyk-access', 'tyk-access'],
    ['tyk-analytics-prod', 'tyk-analytics-prod', 'tyk-analytics-prod'],
    ['logs--default', 'logs--default', 'logs--default'],
    ['tyk', 'tyk', 'tyk'],
  ])('of %s are %s and %s', (stream, base, pattern) => {
    expect(streamNames(stream)).toEqual({ stream, base, pattern })
  })
})

describe('a template covers an index', () => {
  it.each([
    ['tyk_analytics*', true],
    ['tyk_analytics', true],
    ['*', true],
    ['tyk_*-2*', true],
    ['*analytics', true],
    ['tyk*lyt*', true],
    ['tyk_analytics-x*', false],
    ['tyk*x*', false],
    ['tyk_analytics_analytics*', false],
    ['*tyk*tyk*', false],
    ['', false],
  ])('%s: %s', (pattern, covered) => {
    expect(covers([pattern], ['other', 'tyk_analytics'])).toBe(covered)
  })
})

describe('what is there already', () => {
  const content = { a: { b: [1, { c: 'x' }] }, empty: {}, none: null }
  const mark = markOf(content)

  it('is the same whatever order and nothings it is shown with', () => {
    expect(markOf({ none: [], a: { b: [1, { d: {}, c: 'x' }] } })).toEqual(mark)
    expect(markOf({ a: { b: [{ c: 'x' }, 1] } })).not.toEqual(mark)
  })

  it.each([
    ['create', null],
    ['keep', { mark, content }],
    ['keep', { mark: null, content }],
    ['update', { mark: markOf({ old: 1 }), content: { old: 1 } }],
    ['edited', { mark, content: { a: 1 } }],
    ['foreign', { mark: null, content: { a: 1 } }],
    ['newer', { mark: { ...markOf({ x: 1 }), version: 99 }, content: { x: 1 } }],
  ])('leads to: %s', (decision, stored) => {
    expect(decide(mark, stored)).toBe(decision)
  })

  it('bears its mark as an object or in a text', () => {
    expect(readMark({ ...mark, more: 1 })).toEqual(mark)
    expect(readMark({ ...mark, managed_by: 'me' })).toBeNull()
    expect(readMark('x')).toBeNull()
    expect(readMarkText(`Records, ${markText(mark)}`)).toEqual(mark)
    expect(readMarkText('Records')).toBeNull()
  })
})
