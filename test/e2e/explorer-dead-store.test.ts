/** A store that cannot be reached, dies while the page is open, hangs, and comes back; and an explorer that does. */
import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createIndex } from '../../packages/explorer/test/support/elasticsearch-index.ts'
import { axeFindings, browserSkipReason } from '../support/browser.ts'
import { isCut, type Pages, PHONE, recordOf, startPages, WIDE } from '../support/explorer-page.ts'
import { startMortalServer } from '../support/mortal-server.ts'
import { type ScriptedElasticsearch, startScriptedElasticsearch } from '../support/scripted-elasticsearch.ts'
import { readBody } from '../support/upstream.ts'

const elasticsearchUrl = process.env['TEK_ELASTICSEARCH_8_URL']
const DOWN = /^The store does not answer \(elasticsearch /
const CURE = /Look whether it runs.*TEK_EXPLORER_ELASTICSEARCH_URL/

describe.skipIf(browserSkipReason())('the explorer page over a store in trouble', { timeout: 120_000 }, () => {
  let pages: Pages
  let store: ScriptedElasticsearch

  beforeAll(async () => {
    pages = await startPages()
    store = await startScriptedElasticsearch()
  }, 180_000)
  afterAll(async () => {
    await pages?.[Symbol.asyncDispose]()
    await store?.[Symbol.asyncDispose]()
  })
  afterEach(async () => {
    await pages.closePages()
    pages.browser.complaints()
    store.release()
    await store.revive()
  })

  const openOver = async (
    url: string,
    view: string,
    width: typeof WIDE | typeof PHONE = WIDE,
    env: Readonly<Record<string, string>> = {},
  ): Promise<Page> => {
    const explorer = await pages.exploreWith({
      TEK_EXPLORER_ELASTICSEARCH_URL: url,
      TEK_EXPLORER_TIMEOUT: '5',
      ...env,
    })
    return pages.open(`${explorer.url}/${view}`, width)
  }

  /** Beside what the browser says of questions that were answered with 502 and more. */
  const otherComplaints = (): string[] =>
    pages.browser.complaints().filter((text) => !/^Failed to load resource: .*status of 50[34]/.test(text))

  test.each([WIDE, PHONE] as const)('says what to do while there is none, on every view (%d px)', async (width) => {
    await store.die()
    const page = await openOver(store.url, 'overview', width)
    for (const view of ['Overview', 'Requests', 'Errors', 'Pipeline']) {
      await page.getByRole('link', { name: view, exact: true }).click()
      await page.getByRole('alert').getByText(DOWN).waitFor()
      await page.getByText(CURE).waitFor()
      await page.getByText('asks again every 5 seconds').waitFor()
      expect(await axeFindings(page), view).toEqual([])
      expect(await isCut(page), view).toBe(false)
    }
    expect(otherComplaints()).toEqual([])
  })

  test('keeps what was seen while it is dead, takes questions, and goes on by itself', async () => {
    const page = await openOver(store.url, 'requests')
    await page.getByText('2,000 requests').first().waitFor()
    await store.die()
    await page.getByRole('combobox', { name: 'Query' }).fill('response_code:200')
    await page.keyboard.press('Enter')
    await page.getByRole('alert').getByText(DOWN).waitFor()
    await page.getByText(CURE).waitFor()
    // The last good answer stays, dimmed.
    await page.locator('.view-body.stale').getByText('2,000 requests').first().waitFor()
    await page.getByRole('button', { name: 'Last 15 minutes' }).click()
    await page.getByRole('button', { name: 'Last hour' }).click()
    await page.waitForURL(/from=now-1h/)
    expect(await axeFindings(page)).toEqual([])

    await store.revive()
    await page.getByRole('alert').waitFor({ state: 'detached' })
    await page.locator('.view-body:not(.stale)').getByText('2,000 requests').first().waitFor()
    await page.getByRole('button', { name: 'Last hour' }).waitFor()
    expect(new URL(page.url()).searchParams.get('q')).toBe('response_code:200')
    expect(otherComplaints()).toEqual([])
  })

  test('notices without being asked that it died, when live', async () => {
    const page = await openOver(store.url, 'requests?live=1')
    await page.getByText('2,000 requests').first().waitFor()
    await store.die()
    await page.getByRole('alert').getByText(DOWN).waitFor()
    await store.revive()
    await page.getByRole('alert').waitFor({ state: 'detached' })
    expect(otherComplaints()).toEqual([])
  })

  test('offers a way out while it hangs, says that it was too late, and asks anew', async () => {
    const page = await openOver(store.url, 'requests')
    await page.getByText('2,000 requests').first().waitFor()
    store.hold(({ size = 0 }) => size > 0)
    await page.getByRole('combobox', { name: 'Query' }).fill('timeout')
    await page.keyboard.press('Enter')
    await page.getByRole('button', { name: 'Cancel' }).click()
    await page.getByText('Cancelled. What you see answers the question before.').waitFor()
    await page.getByRole('button', { name: 'Try again' }).click()
    await page.getByText('The store did not answer in time. What you see is the last good answer.').waitFor()
    store.release()
    await page.getByRole('button', { name: 'Try again' }).click()
    await page.locator('.view-body:not(.stale)').getByText('2,000 requests').first().waitFor()
    expect(otherComplaints()).toEqual([])
  })

  test.skipIf(elasticsearchUrl === undefined)('fills every view of a real one that comes late', async () => {
    await using index = await createIndex(elasticsearchUrl ?? '')
    await index.addRecords([recordOf('a', 5000, { responseCode: 500, path: '/late' })])
    await using proxy = await startMortalServer(async (request, response) => {
      const { method = 'GET', url = '/' } = request
      const body = await readBody(request)
      const headers = { 'content-type': 'application/json', accept: 'application/json' }
      const answer = await fetch(elasticsearchUrl + url, { method, headers, ...(body.length > 0 && { body }) })
      response.writeHead(answer.status, { 'content-type': 'application/json', 'x-elastic-product': 'Elasticsearch' })
      response.end(Buffer.from(await answer.arrayBuffer()))
    })
    await proxy.die()
    const page = await openOver(proxy.url, 'overview', WIDE, { TEK_EXPLORER_ELASTICSEARCH_INDEX: index.name })
    await page.getByRole('alert').getByText(DOWN).waitFor()
    await proxy.revive()
    await page.getByRole('alert').waitFor({ state: 'detached' })
    await page.getByRole('rowheader', { name: '/late' }).waitFor()
    for (const [view, mark] of Object.entries({ Requests: '1 request', Errors: 'internal server error' })) {
      await page.getByRole('link', { name: view, exact: true }).click()
      await page.getByText(mark).first().waitFor()
    }
    expect(otherComplaints()).toEqual([])
  })

  test('says that the explorer itself is gone, with what was seen', async () => {
    const explorer = await pages.explore([recordOf('a', 5000, {})])
    const page = await pages.open(`${explorer.url}/requests?live=1`)
    await page.getByText('1 request', { exact: true }).first().waitFor()
    await explorer.stop()
    await page.getByRole('alert').getByText('The explorer does not answer').waitFor()
    await page.getByText('Look whether its process still runs.').waitFor()
    await page.getByText('1 request', { exact: true }).first().waitFor()
    expect(pages.browser.complaints().filter((text) => !text.includes('net::ERR_CONNECTION_REFUSED'))).toEqual([])
  })
})
