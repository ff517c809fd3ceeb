/**
 * The article walked on the page, in a real browser: requests through the gateway, the failed one found, the requests of
 * one user, a link shared, a file saved. On both stores, which the same pump fills. With TEK_SCREENSHOTS=1 the pictures
 * of the documentation are made anew.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { analyticsKey, emptyRecord, encodeRecord } from '@tek/analytics-record'
import { Redis } from 'ioredis'
import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { buildPage } from '../../scripts/jobs/build-page.ts'
import { createSampleUpstream } from '../../scripts/sample-upstream/server.ts'
import { ARTICLE_TOKEN } from '../../scripts/start/article.ts'
import { axeFindings, browserSkipReason, startBrowser, type TestBrowser } from '../support/browser.ts'
import { eventually } from '../support/eventually.ts'
import { type Explorer, startExplorer } from '../support/explorer.ts'
import { type Gateway, startGateway } from '../support/gateway.ts'
import { type Pump, startPump } from '../support/pump.ts'
import { type RedisServer, redisSkipReason, startRedis } from '../support/redis.ts'

const examples = fileURLToPath(new URL('../../deploy/examples/', import.meta.url))
const pictures = fileURLToPath(new URL('../../docs/images/', import.meta.url))
const makesPictures = process.env['TEK_SCREENSHOTS'] === '1'
const elasticsearchUrl = process.env['TEK_ELASTICSEARCH_8_URL']
const index = `explorer_e2e_${process.pid}`
const RECORDS = 15
/** No gateway lets it in; what reads a list has to stand it all the same. */
const LONG_PATH = `/long/${'<b>x</b>'.repeat(131_072)}`
const WAIT_MS = 20_000
/** Of the sign below the query line against a character of it. */
const CARET_SCALE = 0.85

const stores: readonly ('sqlite' | 'elasticsearch')[] = [
  'sqlite',
  ...(elasticsearchUrl === undefined ? [] : (['elasticsearch'] as const)),
]
const skipReason = redisSkipReason() ?? browserSkipReason()

describe.skipIf(skipReason)('the explorer page', { timeout: 120_000 }, () => {
  let redis: RedisServer
  let gateway: Gateway
  let pump: Pump
  let browser: TestBrowser
  let folder = ''
  const explorers = new Map<string, Explorer>()
  const upstream = createSampleUpstream()

  beforeAll(async () => {
    await buildPage()
    folder = await mkdtemp(join(tmpdir(), 'tek-page-'))
    redis = await startRedis()
    const target = await upstream.listen({ port: 0, host: '127.0.0.1' })
    gateway = await startGateway({
      redisPort: redis.port,
      apis: {
        'httpbin.json': await definitionOf('httpbin', target),
        'httpbin-jwt.json': await definitionOf('httpbin-jwt', target),
      },
      policies: JSON.parse(await readFile(join(examples, 'policies/policies.json'), 'utf8')) as Record<string, unknown>,
      conf: { enable_analytics: true, analytics_config: { enable_detailed_recording: true } },
    })
    const database = join(folder, 'traffic.sqlite')
    pump = await startPump({
      redisPort: redis.port,
      pumps: {
        store: { type: 'sql', meta: { type: 'sqlite', connection_string: database } },
        ...(elasticsearchUrl !== undefined && {
          elasticsearch: {
            type: 'elasticsearch',
            meta: { index_name: index, elasticsearch_url: elasticsearchUrl, extended_stats: true },
          },
        }),
      },
    })
    const common = {
      TEK_EXPLORER_GATEWAY_URL: gateway.url,
      TEK_EXPLORER_PUMP_URL: pump.healthUrl,
      TEK_EXPLORER_REDIS_URL: redis.url,
      TEK_EXPLORER_TRAFFIC: 'true',
      TEK_EXPLORER_TRAFFIC_TOKEN: ARTICLE_TOKEN,
    }
    explorers.set('sqlite', await startExplorer({ ...common, TEK_EXPLORER_SQLITE_FILE: database }))
    if (elasticsearchUrl !== undefined) {
      const of = { TEK_EXPLORER_ELASTICSEARCH_URL: elasticsearchUrl, TEK_EXPLORER_ELASTICSEARCH_INDEX: `${index}*` }
      explorers.set('elasticsearch', await startExplorer({ ...common, ...of }))
    }
    browser = await startBrowser()
  }, 180_000)

  afterAll(async () => {
    await browser?.[Symbol.asyncDispose]()
    for (const explorer of explorers.values()) await explorer.stop()
    await pump?.stop()
    await gateway?.stop()
    await upstream.close()
    await redis?.stop()
    if (elasticsearchUrl !== undefined) await fetch(`${elasticsearchUrl}/${index}`, { method: 'DELETE' })
    await rm(folder, { recursive: true, force: true })
  })

  afterEach(async () => {
    for (const page of browser.context.pages().slice(1)) await page.close()
  })

  async function definitionOf(name: string, target: string): Promise<unknown> {
    const definition = JSON.parse(await readFile(join(examples, `apps/${name}.json`), 'utf8')) as { proxy: object }
    return { ...definition, proxy: { ...definition.proxy, target_url: `${target}/` } }
  }

  const urlOf = (store: string): string => explorers.get(store)?.url ?? ''

  async function open(store: string, path: string): Promise<Page> {
    const page = await browser.context.newPage()
    await page.goto(urlOf(store) + path)
    return page
  }

  const send = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(gateway.url + path, { headers: { 'user-agent': 'curl/8.5.0', ...headers } })

  async function writeHostileRecord(): Promise<void> {
    const now = Math.floor(Date.now() / 1000)
    const script = '<img src=x onerror="window.injected = 1">'
    const element = encodeRecord({
      ...emptyRecord(),
      method: script,
      path: LONG_PATH,
      rawPath: LONG_PATH,
      userAgent: script.repeat(1000),
      apiName: script,
      apiId: script,
      tags: [script, ''],
      responseCode: 418,
      rawRequest: Buffer.from([0xff, 0xfe, 0x00, 0x80]).toString('base64'),
      rawResponse: Buffer.from(`HTTP/1.1 418 ${script}\r\nx: ${script}\r\n\r\n${LONG_PATH}`).toString('base64'),
      timestamp: { seconds: now, nanos: 0 },
      expireAt: { seconds: now + 86_400, nanos: 0 },
    })
    const client = new Redis(redis.port)
    await client.rpush(analyticsKey('msgpack'), element)
    client.disconnect()
  }

  async function ask(page: Page, line: string): Promise<void> {
    await page.keyboard.press('/')
    await page.getByRole('combobox', { name: 'Query' }).fill(line)
    await page.keyboard.press('Enter')
    await page.keyboard.press('Escape')
  }

  async function boxOf(locator: ReturnType<Page['locator']>): Promise<{ x: number; width: number }> {
    const box = await locator.boundingBox()
    if (box === null) throw new Error('what is looked for is not in sight')
    return box
  }

  const rows = (page: Page): ReturnType<Page['locator']> => page.locator('[data-row]')

  test.each(stores)('says what to do while there is nothing to see (%s)', async (store) => {
    const page = await open(store, '/overview')
    await page.getByText(`curl ${gateway.url}/httpbin/get`).first().waitFor()
    expect(await axeFindings(page)).toEqual([])
    expect(browser.complaints()).toEqual([])
  })

  test('gets the requests of the article', async () => {
    await gateway.reload()
    for (let i = 0; i < 11; i++) expect((await send('/httpbin/get')).status).toBe(200)
    expect((await send('/httpbin/status/500')).status).toBe(500)
    expect((await send('/httpbin-jwt/get', { authorization: `Bearer ${ARTICLE_TOKEN}` })).status).toBe(200)
    // What a stranger sends: a script in a header, bytes that are no UTF-8 in the path.
    // The upstream refuses such a path, which is an answer like others.
    await send('/httpbin/anything/%ff%fe<img%20src=x>', { 'user-agent': '<script>window.injected = 1</script>' })
    await writeHostileRecord()
    for (const store of stores) {
      await eventually(async () => {
        const answer = await fetch(`${urlOf(store)}/api/v1/about`)
        expect(await answer.json()).toMatchObject({ records: RECORDS })
      }, WAIT_MS)
    }
  })

  test.each(stores)(
    'finds the failed request and those of one user, shares the link and saves a file (%s)',
    async (store) => {
      const page = await open(store, '/requests')
      await page.getByText(`${RECORDS} requests`).first().waitFor()
      await ask(page, 'response_code:500')
      await page.waitForURL(/q=response_code:500/)
      await page.getByText('1 request', { exact: true }).first().waitFor()
      expect(await rows(page).count()).toBe(1)
      await rows(page)
        .getByRole('button', { name: /^Details of GET/ })
        .click()
      const detail = page.getByRole('article', { name: 'Details of a request' })
      await detail.getByText('500').first().waitFor()
      await detail.getByText('HTTP/1.1 500 Internal Server Error').first().waitFor()
      expect(await axeFindings(page)).toEqual([])

      const shared = await browser.context.newPage()
      await shared.goto(page.url())
      await shared.getByRole('article', { name: 'Details of a request' }).getByText('500').first().waitFor()

      await ask(page, 'tags:"foo@bar.com"')
      await page.getByText('1 request', { exact: true }).first().waitFor()
      await page.getByText('httpbin-jwt').first().waitFor()

      await ask(page, 'response_code:500 or tags:foo@bar.com')
      await page.getByText('2 requests').first().waitFor()
      await page.getByRole('button', { name: 'Export' }).click()
      const download = page.waitForEvent('download')
      await page.getByRole('button', { name: 'CSV', exact: true }).click()
      const saved = await readFile(await (await download).path(), 'utf8')
      expect(saved.trim().split(/\r?\n/)).toHaveLength(3)
      expect(browser.complaints()).toEqual([])
    },
  )

  test.each(stores)('says when the configuration was reloaded (%s)', async (store) => {
    const page = await open(store, '/overview')
    const note = page.getByText(/^Configuration reloaded:/)
    await eventually(async () => {
      await page.reload()
      await page.getByText('httpbin-jwt').first().waitFor()
      expect(await note.locator('time').count()).toBe(1)
    }, WAIT_MS)
    expect(browser.complaints()).toEqual([])
  })

  test.each(stores)('shows a mistake of the query at its character and goes on (%s)', async (store) => {
    const page = await open(store, '/requests')
    await page.getByText(`${RECORDS} requests`).first().waitFor()
    await ask(page, 'response_cod:500')
    await page
      .getByText(/did you mean response_code/)
      .first()
      .waitFor()
    await page.getByText(`${RECORDS} requests`).first().waitFor()
    const before = 'response_code:200 and '
    await ask(page, `${before}response_cod:500`)
    await page.waitForURL(/and/)
    const line = await boxOf(page.getByRole('combobox', { name: 'Query' }))
    await eventually(async () => {
      const caret = await boxOf(page.locator('.caret span'))
      const character = (caret.x + caret.width / 2 - line.x) / (caret.width / CARET_SCALE)
      expect(character).toBeGreaterThan(before.length)
      expect(character).toBeLessThan(before.length + 2)
    }, WAIT_MS)
    await ask(page, '')
    await page.getByText(/did you mean response_code/).waitFor({ state: 'detached' })
    // The refused question itself is what the console speaks of.
    expect(browser.complaints().filter((text) => !text.includes('400'))).toEqual([])
  })

  test.each(stores)('says nothing of a question that was refused (%s)', async (store) => {
    const page = await open(store, '/requests?q=response_code:599')
    await page.getByText('Nothing in this time range matches').waitFor()
    for (const line of ['response_cod:500', 'x'.repeat(5000)]) {
      await ask(page, line)
      await page.getByText('The query has a mistake').waitFor()
      expect(await page.getByText('Nothing in this time range matches').count()).toBe(0)
      await ask(page, 'response_code:599')
      await page.getByText('Nothing in this time range matches').waitFor()
    }
    expect(browser.complaints().filter((text) => !text.includes('400'))).toEqual([])
  })

  test.each(stores)('shows the request of a link, whatever else the link asks for (%s)', async (store) => {
    const page = await open(store, '/requests?q=response_code:418')
    await rows(page)
      .getByRole('button', { name: /^Details of/ })
      .click()
    await page.waitForURL(/row=/)
    const id = new URL(page.url()).searchParams.get('row') ?? ''
    for (const rest of [
      'q=response_code:599',
      'from=now-3d&to=now-2d',
      'q=response_cod:500',
      'columns=none,@timestamp&sort=tags',
    ]) {
      await page.goto(`${urlOf(store)}/requests?${rest}&row=${encodeURIComponent(id)}`)
      await page.getByRole('article', { name: 'Details of a request' }).waitFor()
    }
    await page.getByText(`${RECORDS} requests`).first().waitFor()
    await page.getByRole('columnheader', { name: /Time/ }).and(page.locator('[aria-sort=descending]')).waitFor()
    // The refused question itself is what the console speaks of.
    expect(browser.complaints().filter((text) => !text.includes('400'))).toEqual([])
  })

  test.each(stores)('runs nothing that a request has brought along (%s)', async (store) => {
    const page = await open(
      store,
      `/requests?q=${encodeURIComponent('request_uri:*anything*')}&columns=@timestamp,request_uri,user_agent`,
    )
    await page.getByText('<script>window.injected').first().waitFor()
    await rows(page)
      .getByRole('button', { name: /^Details of/ })
      .click()
    await page.getByRole('article', { name: 'Details of a request' }).waitFor()
    expect(await page.evaluate('window.injected')).toBeUndefined()
    expect(await page.locator('img').count()).toBe(0)
    expect(browser.complaints()).toEqual([])
  })

  test.each(stores)('stands a path of a megabyte and what is no UTF-8 (%s)', async (store) => {
    const page = await open(store, `/requests?q=response_code:418&columns=@timestamp,http_method,request_uri,tags`)
    await page.getByText('1 request', { exact: true }).first().waitFor()
    await rows(page)
      .getByRole('button', { name: /^Details of/ })
      .click()
    const detail = page.getByRole('article', { name: 'Details of a request' })
    await detail.getByText('Not UTF-8').waitFor()
    await detail
      .getByRole('button', { name: /^Show all/ })
      .first()
      .waitFor()
    const wider = await page.evaluate('document.documentElement.scrollWidth > innerWidth')
    expect(wider).toBe(false)
    for (const view of ['overview', 'errors']) {
      await page.goto(`${urlOf(store)}/${view}?q=response_code:418`)
      await page.getByText('<img src=x').first().waitFor()
    }
    expect(await page.evaluate('window.injected')).toBeUndefined()
    expect(await page.locator('img').count()).toBe(0)
    expect(browser.complaints()).toEqual([])
  })

  test.each(stores.flatMap((store) => [[store, 1280] as const, [store, 800] as const, [store, 390] as const]))(
    'shows every view without a complaint, to everybody (%s, %d px)',
    async (store, width) => {
      const page = await open(store, '/overview')
      await page.setViewportSize({ width, height: width === 390 ? 844 : 800 })
      const marks = {
        overview: 'httpbin-jwt',
        requests: `${RECORDS} requests`,
        errors: '/status/',
        map: 'countries',
        pipeline: 'store',
      }
      for (const [view, mark] of Object.entries(marks)) {
        await page.goto(`${urlOf(store)}/${view}`)
        await page.getByText(mark, { exact: false }).first().waitFor()
        await page.waitForLoadState('networkidle')
        expect(await axeFindings(page), view).toEqual([])
        const wider = await page.evaluate('document.documentElement.scrollWidth > innerWidth')
        expect(wider, `${view} is cut at ${width} px`).toBe(false)
      }
      expect(browser.complaints()).toEqual([])
    },
  )

  test.skipIf(!makesPictures)('makes the pictures of the documentation', { timeout: 400_000 }, async () => {
    await mkdir(pictures, { recursive: true })
    const api = `${urlOf('sqlite')}/api/v1`
    const sends = (running: boolean): Promise<Response> =>
      fetch(`${api}/traffic`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ running }),
      })
    await sends(true)
    let reloaded = false
    await eventually(
      async () => {
        const { records } = (await (await fetch(`${api}/about`)).json()) as { records: number }
        // The picture shows what a reload looks like, too.
        if (records > 500 && !reloaded) await gateway.reload()
        reloaded ||= records > 500
        expect(records).toBeGreaterThan(900)
      },
      350_000,
      1000,
    )
    await sends(false)
    const page = await open('sqlite', '/overview?from=now-5m')
    await page.setViewportSize({ width: 1280, height: 1000 })
    await page.waitForLoadState('networkidle')
    await page.screenshot({ path: join(pictures, 'explorer-overview.png') })
    await page.goto(`${urlOf('sqlite')}/errors?from=now-5m`)
    await page.waitForLoadState('networkidle')
    await page.screenshot({ path: join(pictures, 'explorer-errors.png') })
    await page.goto(`${urlOf('sqlite')}/requests?from=now-5m&q=response_code:500`)
    await rows(page).first().waitFor()
    await rows(page)
      .first()
      .getByRole('button', { name: /^Details of/ })
      .click()
    await page.getByRole('article', { name: 'Details of a request' }).getByText('HTTP/1.1 500').first().waitFor()
    await page.screenshot({ path: join(pictures, 'explorer-requests.png') })
    await page.setViewportSize({ width: 390, height: 844 })
    await page.goto(`${urlOf('sqlite')}/overview?from=now-5m`)
    await page.waitForLoadState('networkidle')
    await page.screenshot({ path: join(pictures, 'explorer-narrow.png') })
  })

  test('stays usable while its store is broken, and goes on by itself once it is whole', async () => {
    const file = join(folder, 'broken.sqlite')
    await writeFile(file, 'this is no database, and long enough to be looked at\n'.repeat(100))
    await using explorer = await startExplorer({ TEK_EXPLORER_SQLITE_FILE: file })
    const page = await browser.context.newPage()
    await page.goto(`${explorer.url}/overview`)
    await page
      .getByRole('alert')
      .getByText(/The store does not answer/)
      .waitFor()
    await page.getByRole('link', { name: 'Requests' }).click()
    await page.waitForURL(/\/requests/)
    await rm(file)
    await page.getByRole('alert').waitFor({ state: 'detached' })
    browser.complaints()
  })
})
