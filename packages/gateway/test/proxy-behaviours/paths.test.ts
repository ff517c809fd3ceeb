/** Rows of the table of proxy behaviours about the target: path, query and how they meet the target URL. */
import { describe, expect, test } from 'vitest'
import { redisSkipReason } from '../../../../test/support/redis.ts'
import { apiAt } from '../support/api.ts'
import { LANES, onEachLane, useStages, type Lane, type Stage, type StagePlan } from '../support/stages.ts'
import { exchange, namesOf } from '../support/wire.ts'

const apis = (url: string): Record<string, unknown> => {
  const api = (id: string, target: string, proxy: Record<string, unknown> = {}, changes: object = {}): unknown =>
    apiAt(id, `${url}${target}`, { ...changes, proxy })
  return {
    'app.json': api('app', ''),
    'base.json': api('base', '/base'),
    'slash.json': api('slash', '/base/'),
    'slashes.json': api('slashes', '/base//'),
    'keep.json': api('keep', '/base', { disable_strip_slash: true }),
    'keepslash.json': api('keepslash', '/base/', { disable_strip_slash: true }),
    'keepnone.json': api('keepnone', '', { disable_strip_slash: true }),
    'whole.json': api('whole', '/base', { strip_listen_path: false }),
    'cut.json': api('cut', '/base', { listen_path: '/cut' }),
    'template.json': api('template', '/base', { listen_path: '/{v}/svc/' }),
    'query.json': api('query', '/base?k=v&k=%20'),
    'versioned.json': api(
      'versioned',
      '',
      {},
      {
        definition: { location: 'url-param', key: 'v', strip_versioning_data: true },
        version_data: { not_versioned: false, versions: { v1: { name: 'v1' } } },
      },
    ),
  }
}

const asIs = (plan: StagePlan): Record<'direct as it is' | 'http-proxy as it is', StagePlan> => {
  const { direct, 'http-proxy': proxied } = onEachLane({
    ...plan,
    conf: { http_server_options: { skip_target_path_escaping: true, skip_url_cleaning: true } },
  })
  return { 'direct as it is': direct, 'http-proxy as it is': proxied }
}
const stages = useStages({ ...onEachLane({ apis }), ...asIs({ apis }) })

/** The target of the request line that the upstream got for a target as the client sent it. */
async function targetUpstream(stage: Stage, sent: string): Promise<string> {
  const { startLine } = await stage.seenUpstream('GET', sent)
  expect(startLine).toMatch(/^GET [^ ]* HTTP\/1\.1$/)
  return startLine.slice('GET '.length, -' HTTP/1.1'.length)
}

describe.skipIf(redisSkipReason()).each(LANES)('the target on the %s lane', (lane: Lane) => {
  const stage = stages[lane]
  const rawStage = stages[`${lane} as it is`]

  test.each([
    ['/(abc,xyz)', '/%28abc,xyz%29', '/(abc,xyz)'],
    ['/%28abc,xyz%29', '/%28abc,xyz%29', '/%28abc,xyz%29'],
    ['/a%2Fb', '/a%2Fb', '/a%2Fb'],
    ['/a%2fb', '/a%2fb', '/a%2fb'],
    ['/a%20b', '/a%20b', '/a%20b'],
    ['/caf%C3%A9', '/caf%C3%A9', '/caf%C3%A9'],
    ['/caf%e9', '/caf%e9', '/caf%e9'],
    ['/%7Eu', '/%7Eu', '/%7Eu'],
    ['/%41', '/%41', '/%41'],
    ['/a[1]', '/a%5B1%5D', '/a[1]'],
    ["/it's", '/it%27s', "/it's"],
    ["/!'()*", '/%21%27%28%29%2A', "/!'()*"],
    ['/A-z0_.~$&+,:;=@', '/A-z0_.~$&+,:;=@', '/A-z0_.~$&+,:;=@'],
    ['/a"b', '/a%22b', '/a"b'],
    ['/a|b^c`d{e}f\\g', '/a%7Cb%5Ec%60d%7Be%7Df%5Cg', '/a|b^c`d{e}f\\g'],
    ['/<%3C', '/%3C%3C', '/<%3C'],
    ['/%25zz', '/%25zz', '/%25zz'],
    ['/%3Fq%23f', '/%3Fq%23f', '/%3Fq%23f'],
    ['/%00', '/%00', '/%00'],
    ['/%0d%0aX:1', '/%0d%0aX:1', '/%0d%0aX:1'],
    ["/(%2F'", "/(%2F'", "/(%2F'"],
  ])('27.13 the path %s goes out as %s, or with skip_target_path_escaping as %s', async (sent, escaped, verbatim) => {
    expect(await targetUpstream(stage, `/app${sent}`)).toBe(escaped)
    expect(await targetUpstream(rawStage, `/app${sent}`)).toBe(verbatim)
  })

  test.each([
    ['?a=1&b=2&a=3', '?a=1&b=2&a=3', '?k=v&k=%20&a=1&b=2&a=3'],
    ['?z&a&=&&x=', '?z&a&=&&x=', '?k=v&k=%20&z&a&=&&x='],
    ['?q=a+b%20c%2Bd%2bd', '?q=a+b%20c%2Bd%2bd', '?k=v&k=%20&q=a+b%20c%2Bd%2bd'],
    ['?a=1;b=2', '?a=1;b=2', '?k=v&k=%20&a=1;b=2'],
    ['?q=%zz%', '?q=%zz%', '?k=v&k=%20&q=%zz%'],
    ['?a?b/c//d/../e', '?a?b/c//d/../e', '?k=v&k=%20&a?b/c//d/../e'],
    [`?!$'()*,[]{}|"<>`, `?!$'()*,[]{}|"<>`, `?k=v&k=%20&!$'()*,[]{}|"<>`],
    ['?', '?', '?k=v&k=%20'],
    ['', '', '?k=v&k=%20'],
  ])('27.14 keeps the query %s byte-exact, the target’s query first', async (sent, seen, joined) => {
    expect(await targetUpstream(stage, `/app/x${sent}`)).toBe(`/x${seen}`)
    expect(await targetUpstream(stage, `/query/x${sent}`)).toBe(`/base/x${joined}`)
  })

  test('27.14 only a step that takes a parameter away writes the query anew, sorted', async () => {
    expect(await targetUpstream(stage, '/versioned/x?z=%7E&v=v1&a=b+c&a=')).toBe('/x?a=b+c&a=&z=~')
  })

  test.each([
    ['/app/', '/'],
    ['/keepnone/', '/'],
    ['/base/', '/base'],
    ['/base/x', '/base/x'],
    ['/base/x/', '/base/x/'],
    ['/slash/', '/base'],
    ['/slash/x/', '/base/x/'],
    ['/slashes/', '/base'],
    ['/slashes/x', '/base/x'],
    ['/keep/', '/base'],
    ['/keep/x/', '/base/x/'],
    ['/keepslash/', '/base/'],
    ['/keepslash/x', '/base/x'],
    ['/whole/x', '/base/whole/x'],
    ['/cut', '/base'],
    ['/cut/', '/base'],
    ['/cutter/x', '/base/ter/x'],
    ['/v1/svc/x', '/base/x'],
    ['/v1/svc/', '/base'],
  ])('27.15 %s meets its target URL as %s', async (sent, expected) => {
    expect(await targetUpstream(stage, sent)).toBe(expected)
  })

  test.each([
    ['/slashes///x', '/base/x'],
    ['/base//x//y', '/base/x//y'],
    ['/keep//', '/base'],
    ['/app/../x/./y', '/../x/./y'],
    ['/app/http://e.com/a', '/http://e.com/a'],
  ])('27.15 without cleaning, %s meets its target URL as %s', async (sent, expected) => {
    expect(await targetUpstream(rawStage, sent)).toBe(expected)
  })

  test.each([
    ['/app//b', '/app/b'],
    ['/app/a/../b', '/app/b'],
    ['/app/./b', '/app/b'],
    ['/app/b/.', '/app/b'],
    ['/app/b/./', '/app/b/'],
    ['/app/..', '/'],
    ['/../../app/', '/app/'],
    ['//', '/'],
    ['/app/a%2F%2Fb', '/app/a/b'],
    ['/app/%2e%2E/x', '/x'],
    ['/app//(b)%20c', '/app/%28b%29%20c'],
    ['/app//b?q=//&r=%2F', '/app/b?q=//&r=%2F'],
    ['/none//at/all', '/none/at/all'],
  ])('27.16 the unclean %s is sent back to %s, and goes nowhere', async (sent, location) => {
    const before = stage.upstream.requests.length
    const answer = await stage.ask('GET', sent)
    expect(answer.startLine).toBe('HTTP/1.1 301 Moved Permanently')
    expect(answer.lines).toContain(`Location: ${location}`)
    expect(answer.lines).toContain('Content-Length: 0')
    expect(namesOf(answer).toSorted()).toEqual(['Content-Length', 'Date', 'Location'])
    expect(answer.body).toBe('')
    expect(stage.upstream.requests).toHaveLength(before)
  })

  test.each(['/app/a%2Fb', '/app/...', '/app/.x', '/app/x..', '/app/x?a=/../b', '/app/a%252F%252Fb'])(
    '27.16 %s is clean',
    async (sent) => {
      expect(await targetUpstream(stage, sent)).toBe(sent.slice('/app'.length))
    },
  )

  test.each(['//x', '/./x', '/a/../x', '/a%2F%2Fb', '//', '/..'])(
    '27.16 with skip_url_cleaning the path of /app%s is used as received',
    async (sent) => {
      const before = rawStage.upstream.requests.length
      expect((await rawStage.ask('GET', `/app${sent}`)).startLine).toBe('HTTP/1.1 200 OK')
      expect(rawStage.upstream.requests).toHaveLength(before + 1)
    },
  )

  test('27.13 a target in absolute form is taken apart like one in origin form', async () => {
    const send = async (target: string): Promise<string> => {
      await exchange(stage.gateway.port, `GET ${target} HTTP/1.1\r\nHost: h\r\n\r\n`)
      return stage.upstream.last().startLine
    }
    expect(await send('http://named.test/app/(x)?a=%20')).toBe('GET /%28x%29?a=%20 HTTP/1.1')
    expect(await send('HTTP://named.test:80/base/')).toBe('GET /base HTTP/1.1')
  })
})
