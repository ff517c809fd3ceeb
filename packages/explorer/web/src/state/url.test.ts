import { describe, expect, it } from 'vitest'
import { decodeUrl, encodeUrl, type PageState, rangeMistakes, START } from './url.ts'

const NOW = Date.parse('2026-11-28T15:00:00Z')

function decode(url: string): PageState {
  const { pathname, search } = new URL(url, 'http://localhost')
  return decodeUrl(pathname, search, NOW)
}

describe('the URL of the page', () => {
  it('is the bare path of the view at the start', () => {
    expect(encodeUrl(START)).toBe('/overview')
    expect(decode('/')).toEqual(START)
  })

  it('says everything, and says it in words that can be read', () => {
    const state: PageState = {
      view: 'requests',
      query: 'response_code:500 and request_uri:/a/b and tags:"foo@bar.com"',
      from: 'now-1h',
      to: '2026-11-29T03:00:00.000Z',
      columns: ['@timestamp', 'alias'],
      sort: 'request_time_ms',
      order: 'asc',
      row: 'a+b/c=',
      live: true,
    }
    const url = encodeUrl(state)
    expect(url).toContain('/requests?q=response_code:500+and+request_uri:/a/b+and+tags:%22foo@bar.com%22&from=now-1h')
    expect(decode(url)).toEqual(state)
  })

  it.each(['', '&%#?+ "\\', 'ä€😀', 'a=b&q=c', '100%'])('carries the query %j unchanged', (query) => {
    expect(decode(encodeUrl({ ...START, query })).query).toBe(query)
  })

  it.each([
    '/nothing',
    '/requests?from=yesterday&to=&order=up&columns=<b>,&sort=a b&live=yes',
    '/overview?from=now%2B1h',
    '/overview?from=now&to=now-1h',
  ])('makes a state of %s', (url) => {
    expect(decode(url)).toMatchObject({
      from: START.from,
      to: START.to,
      order: 'desc',
      columns: [],
      sort: '',
      live: false,
    })
  })

  it.each([
    ['', []],
    ['?from=now-1h&to=2026-11-29', []],
    ['?from=&to=', []],
    ['?from=now-1x', ['now-1x']],
    ['?from=now&to=now-1h', ['now', 'now-1h']],
    ['?from=now', ['now']],
    ['?to=2026-11-01', ['2026-11-01']],
    ['?from=yesterday&to=2026-02-31', ['yesterday', '2026-02-31']],
  ])('has these words that are no times: %s', (search, words) => {
    expect(rangeMistakes(search, NOW)).toEqual(words)
  })

  it('names a column once', () => {
    expect(decode('/requests?columns=alias,tags,alias').columns).toEqual(['alias', 'tags'])
  })
})
