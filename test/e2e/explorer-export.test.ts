/** Files that the page saves: line by line as JSON, and one that is given up on its way. */
import { readFile } from 'node:fs/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { browserSkipReason } from '../support/browser.ts'
import { eventually } from '../support/eventually.ts'
import { type Pages, recordOf, startPages } from '../support/explorer-page.ts'
import { startScriptedElasticsearch } from '../support/scripted-elasticsearch.ts'

describe.skipIf(browserSkipReason())('an export on the explorer page', () => {
  let pages: Pages

  beforeAll(async () => {
    pages = await startPages()
  }, 180_000)
  afterAll(() => pages?.[Symbol.asyncDispose]())
  afterEach(() => pages.closePages())

  test('saves each request as a line of JSON, in the order and with the columns of the table', async () => {
    const paths = ['/first', '/line\nbreak', '/=1+1', '/"quoted"\u202E', '/other']
    const explorer = await pages.explore(
      paths.map((path, index) =>
        recordOf(path, 60_000 - index * 1000, { path, responseCode: path === '/other' ? 404 : 200, tags: [path] }),
      ),
    )
    const page = await pages.open(`${explorer.url}/requests?q=response_code:200&order=asc&columns=request_uri,tags`)
    await page.getByRole('button', { name: 'Export' }).click()
    const download = page.waitForEvent('download')
    await page.getByRole('button', { name: 'NDJSON', exact: true }).click()
    const file = await download
    expect(file.suggestedFilename()).toMatch(/^requests-[\dT-]+\.ndjson$/)
    const lines = (await readFile(await file.path(), 'utf8')).split('\n')
    expect(lines.pop()).toBe('')
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(
      paths.slice(0, -1).map((path) => ({ request_uri: path, tags: [path] })),
    )
    const toast = page.getByRole('complementary', { name: 'Export' })
    await toast.getByText('Saved NDJSON').waitFor()
    await toast.getByText('4 of 4 rows').waitFor()
    await toast.getByRole('button', { name: 'Close' }).click()
    await toast.waitFor({ state: 'detached' })
    expect(pages.browser.complaints()).toEqual([])
  })

  test('is cancelled on its way down to the store, saves nothing, and can be begun anew', async () => {
    await using store = await startScriptedElasticsearch()
    store.hold(({ search_after: after }) => after !== undefined && Number(after.at(-1)) < 1000)
    const explorer = await pages.exploreWith({ TEK_EXPLORER_ELASTICSEARCH_URL: store.url })
    const page = await pages.open(`${explorer.url}/requests`)
    const saved: string[] = []
    page.on('download', (file) => saved.push(file.suggestedFilename()))
    await page.getByRole('button', { name: 'Export' }).click()
    await page.getByRole('button', { name: 'NDJSON', exact: true }).click()
    const toast = page.getByRole('complementary', { name: 'Export' })
    await toast.getByText('Exporting NDJSON').waitFor()
    await toast.getByText(/^1,\d\d\d of 2,000 rows/).waitFor()
    await eventually(() => expect(store.held()).toBe(1))
    await toast.getByRole('button', { name: 'Cancel' }).click()
    await toast.getByText('Export cancelled').waitFor()
    await eventually(() => expect(store.held()).toBe(0))
    expect(saved).toEqual([])

    store.release()
    await page.getByRole('button', { name: 'Export' }).click()
    const download = page.waitForEvent('download')
    await page.getByRole('button', { name: 'NDJSON', exact: true }).click()
    const text = await readFile(await (await download).path(), 'utf8')
    expect(text.trimEnd().split('\n')).toHaveLength(2000)
    await toast.getByText('2,000 of 2,000 rows').waitFor()
    expect(pages.browser.complaints()).toEqual([])
  })

  test('says that it broke off when the store dies under it', async () => {
    await using store = await startScriptedElasticsearch()
    store.hold(({ search_after: after }) => after !== undefined)
    const explorer = await pages.exploreWith({ TEK_EXPLORER_ELASTICSEARCH_URL: store.url })
    const page = await pages.open(`${explorer.url}/requests`)
    await page.getByRole('button', { name: 'Export' }).click()
    await page.getByRole('button', { name: 'CSV', exact: true }).click()
    await eventually(() => expect(store.held()).toBe(1))
    await store.die()
    const toast = page.getByRole('complementary', { name: 'Export' })
    await toast.getByText('Export failed').waitFor()
    await toast.getByText('The download broke off. Try again.').waitFor()
    expect(pages.browser.complaints().filter((text) => !text.startsWith('Failed to load resource'))).toEqual([])
  })
})
