import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type IncomingMessage, request } from 'node:http'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Explorer, startExplorer } from './support/explorer.ts'
import { scriptedStore } from './support/scripted-store.ts'

let page: string
beforeAll(async () => {
  page = await mkdtemp(join(tmpdir(), 'tek-explorer-page-'))
  await mkdir(join(page, 'assets'))
  await writeFile(join(page, 'index.html'), '<!doctype html><title>the page</title>')
  await writeFile(join(page, 'assets', 'main-abc.js'), 'console.log(1)')
  await writeFile(`${page}.outside`, 'of nobody')
})
afterAll(async () => {
  await rm(page, { recursive: true })
  await rm(`${page}.outside`)
})

const start = (env: NodeJS.ProcessEnv = {}): Promise<Explorer> =>
  startExplorer({ store: scriptedStore(), env, pageFolder: page })

/** With a path and headers that fetch does not let one send. */
async function send(
  explorer: Explorer,
  path: string,
  headers: Record<string, string> = {},
): Promise<{ readonly status: number; readonly body: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  request({ host: '127.0.0.1', port: explorer.port, path, headers }, resolve).on('error', reject).end()
  const answer = await promise
  return { status: answer.statusCode ?? 0, body: await text(answer) }
}

async function ask(explorer: Explorer, path: string, headers: Record<string, string>): Promise<number> {
  return (await send(explorer, path, headers)).status
}

describe('the page', () => {
  it.each(['/', '/overview', '/requests?q=a&row=b', '/errors', '/map', '/pipeline'])(
    'is served at %s',
    async (path) => {
      await using explorer = await start()
      const answer = await explorer.get(path)
      expect(answer.status).toBe(200)
      expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8')
      expect(answer.headers.get('cache-control')).toBe('no-cache')
      expect(await answer.text()).toContain('the page')
    },
  )

  it('brings its files, which may be kept', async () => {
    await using explorer = await start()
    const answer = await explorer.get('/assets/main-abc.js')
    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-type')).toMatch(/javascript/)
    expect(answer.headers.get('cache-control')).toContain('immutable')
  })

  it.each(['/assets/none.js', '/assets/%00', '/.env'])('has nothing at %s', async (path) => {
    await using explorer = await start()
    expect(await ask(explorer, path, {})).toBeGreaterThanOrEqual(400)
  })

  it.each([
    '/../',
    '/%2e%2e/',
    '/..%2f',
    '/..%5c',
    '//',
    '/assets/../../',
    '/assets/%2e%2e/%2e%2e/',
    '/assets/..%2f..%2f',
    '/assets/..%252f..%252f',
  ])('brings no file from outside of its folder by %s', async (way) => {
    await using explorer = await start()
    const { status, body } = await send(explorer, `${way}${basename(page)}.outside`)
    expect(status).toBeGreaterThanOrEqual(400)
    expect(body).not.toContain('of nobody')
  })

  it('says how to build it when it is not', async () => {
    await using explorer = await startExplorer({ store: scriptedStore(), pageFolder: join(page, 'none') })
    const answer = await explorer.get('/overview')
    expect(answer.status).toBe(503)
    expect(await answer.text()).toContain('npm run build')
    expect((await explorer.get('/api/v1/about')).status).toBe(200)
  })
})

it.each(['/', '/assets/main-abc.js', '/api/v1/about', '/api/v1/nothing', '/health'])(
  'lets a browser run nothing but the page itself, at %s',
  async (path) => {
    await using explorer = await start()
    const { headers } = await explorer.get(path)
    expect(headers.get('content-security-policy')).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
        "font-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'",
    )
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('referrer-policy')).toBe('no-referrer')
    expect(headers.get('access-control-allow-origin')).toBeNull()
  },
)

describe('names of the host', () => {
  it.each([
    ['localhost:8084', 200],
    ['127.0.0.1', 200],
    ['127.0.0.1:1', 200],
    ['[::1]:8084', 200],
    ['explorer.localhost', 200],
    ['page.example.org', 200],
    ['PAGE.example.org:443', 200],
    ['proxy.example.org:8443', 200],
    ['proxy.example.org', 200],
    ['evil.example', 403],
    ['localhost.evil.example', 403],
    ['127.0.0.1.evil.example', 403],
    ['evil.example@localhost', 403],
  ])('%j is answered with %d on the loopback', async (host, status) => {
    await using explorer = await start({ TEK_EXPLORER_ALLOWEDHOSTS: 'page.example.org, Proxy.example.org:8443' })
    expect(await ask(explorer, '/api/v1/about', { host })).toBe(status)
  })

  it.each([
    ['', 200],
    ['page.example.org', 403],
  ])('are any on an address for others, unless some are named: %j', async (names, status) => {
    await using explorer = await start({
      TEK_EXPLORER_LISTENADDRESS: '0.0.0.0',
      TEK_EXPLORER_TOKEN: 't0ken',
      TEK_EXPLORER_ALLOWEDHOSTS: names,
    })
    const authorization = 'Bearer t0ken'
    expect(await ask(explorer, '/api/v1/about', { host: 'evil.example', authorization })).toBe(status)
    expect(await ask(explorer, '/api/v1/about', { host: 'page.example.org', authorization })).toBe(200)
  })
})

describe('other sites', () => {
  it.each([
    ['cross-site', 403],
    ['same-site', 403],
    ['same-origin', 200],
    ['none', 200],
  ])('a question with sec-fetch-site %s is answered with %d', async (site, status) => {
    await using explorer = await start()
    expect(await ask(explorer, '/api/v1/about', { 'sec-fetch-site': site })).toBe(status)
  })

  it('may link to the page', async () => {
    await using explorer = await start()
    expect(await ask(explorer, '/overview', { 'sec-fetch-site': 'cross-site' })).toBe(200)
  })
})

describe('credentials', () => {
  const basic = (pair: string): string => `Basic ${Buffer.from(pair).toString('base64')}`
  const BOTH = { TEK_EXPLORER_USERNAME: 'ann', TEK_EXPLORER_PASSWORD: 'pass:wörd', TEK_EXPLORER_TOKEN: 't0ken' }

  it.each([
    ['none', undefined, 401],
    ['user and password', basic('ann:pass:wörd'), 200],
    ['a wrong password', basic('ann:password'), 401],
    ['another user', basic('bob:pass:wörd'), 401],
    ['no password', basic('ann'), 401],
    ['the token', 'Bearer t0ken', 200],
    ['the token in another case', 'bearer t0ken', 200],
    ['the token as a password, as a browser can', basic('anybody:t0ken'), 200],
    ['a wrong token', 'Bearer t0ken2', 401],
    ['the password as a token', 'Bearer pass:wörd', 401],
    ['an empty token', 'Bearer ', 401],
    ['broken base64', 'Basic %%%', 401],
    ['another scheme', 'Digest t0ken', 401],
  ])('%s', async (_, authorization, status) => {
    await using explorer = await start(BOTH)
    const headers = authorization === undefined ? {} : { authorization: Buffer.from(authorization).toString('latin1') }
    expect(await ask(explorer, '/api/v1/about', headers)).toBe(status)
    expect(await ask(explorer, '/', headers)).toBe(status)
    expect(await ask(explorer, '/assets/main-abc.js', headers)).toBe(status)
    expect(await ask(explorer, '/health', {})).toBe(200)
  })

  it('are asked for in a way that a browser understands', async () => {
    await using explorer = await start({ TEK_EXPLORER_TOKEN: 't' })
    const answer = await explorer.get('/')
    expect(answer.headers.get('www-authenticate')).toMatch(/^Basic realm=/)
    expect(await answer.json()).toMatchObject({ code: 'unauthorised' })
  })

  it('cannot be left out by another form of an open path', async () => {
    await using explorer = await start({ TEK_EXPLORER_TOKEN: 't' })
    for (const path of ['/health/../api/v1/about', '/health?/api/v1/about', '//health', '/%68ealth']) {
      expect(await ask(explorer, path, {}), path).toBe(401)
    }
  })
})
