/** The Map view over records that have a country, which the walk through the article lacks. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createDataStream, type TestIndex } from '../../packages/explorer/test/support/elasticsearch-index.ts'
import { axeFindings, browserSkipReason } from '../support/browser.ts'
import type { Explorer } from '../support/explorer.ts'
import { isCut, type Pages, PHONE, recordOf, startPages, WIDE } from '../support/explorer-page.ts'

/** Requests and, of them, failed ones by country; Monaco is too small for the map, the last has no country. */
const COUNTRIES = { DE: [8, 0], US: [4, 4], BR: [2, 1], MC: [1, 0], '': [3, 0] } as const

const elasticsearchUrl = process.env['TEK_ELASTICSEARCH_8_URL']
const stores = ['SQLite', ...(elasticsearchUrl === undefined ? [] : ['a data stream of Elasticsearch'])]

describe.skipIf(browserSkipReason()).each(stores)('the map of the explorer page over %s', (store) => {
  let pages: Pages
  let explorer: Explorer
  let stream: TestIndex | undefined

  beforeAll(async () => {
    pages = await startPages()
    if (store === 'SQLite' || elasticsearchUrl === undefined) {
      explorer = await pages.explore(records())
      return
    }
    stream = await createDataStream(elasticsearchUrl)
    await stream.addRecords(records())
    explorer = await pages.exploreWith({
      TEK_EXPLORER_ELASTICSEARCH_URL: elasticsearchUrl,
      TEK_EXPLORER_ELASTICSEARCH_INDEX: stream.name,
    })
  }, 180_000)
  afterAll(async () => {
    await pages?.[Symbol.asyncDispose]()
    await stream?.[Symbol.asyncDispose]()
  })
  afterEach(() => pages.closePages())

  test.each([WIDE, PHONE] as const)('shades countries and lists them all (%d px)', async (width) => {
    const page = await pages.open(`${explorer.url}/map`, width)
    const map = page.getByRole('img', { name: /^World map/ })
    await map.locator('path.known').nth(2).waitFor()
    expect(await map.locator('path.known').count()).toBe(3)
    const fills = await page.evaluate<string[]>(
      "[...document.querySelectorAll('svg.map-box path')].map((path) => getComputedStyle(path).fill)",
    )
    expect(new Set(fills).size).toBe(4)

    const table = page.getByRole('table')
    const names = await table.getByRole('rowheader').allInnerTexts()
    expect(names).toEqual(['Germany', 'United States', 'Unknown', 'Brazil', 'Monaco'])
    expect(await axeFindings(page)).toEqual([])
    expect(await isCut(page)).toBe(false)
    const [beside, below] = await Promise.all([map.boundingBox(), table.boundingBox()])
    if (beside === null || below === null) throw new Error('map or table is not in sight')
    if (width === WIDE) expect(below.x).toBeGreaterThan(beside.x + beside.width)
    else expect(below.y).toBeGreaterThan(beside.y + beside.height)
    expect(pages.browser.complaints()).toEqual([])
  })

  test('shades by share of errors, and says so in its address', async () => {
    const page = await pages.open(`${explorer.url}/map`)
    await page.getByRole('button', { name: 'Error share' }).click()
    await page.waitForURL(/sort=errors/)
    await page.getByRole('heading', { name: 'Error share by country' }).waitFor()
    expect((await page.getByRole('rowheader').allInnerTexts()).slice(0, 2)).toEqual(['United States', 'Brazil'])
    await page.locator('path.known.shade-5', { hasText: 'United States: 4 requests, 100 % errors' }).waitFor()
    await page.locator('path.known.shade-0', { hasText: 'Germany: 8 requests, 0 % errors' }).waitFor()
    expect(await axeFindings(page)).toEqual([])
  })

  test('narrows to a country by a click on the map, and excludes one with alt', async () => {
    const page = await pages.open(`${explorer.url}/map`)
    await page.locator('path.known', { hasText: 'Brazil' }).click()
    await page.waitForURL(/q=country:BR$/)
    await page.locator('path.known').nth(1).waitFor({ state: 'detached' })
    expect(await page.getByRole('rowheader').allInnerTexts()).toEqual(['Brazil'])
    await page.goBack()
    await page.locator('path.known', { hasText: 'Germany' }).click({ modifiers: ['Alt'] })
    await page.waitForURL(/q=not\+country:DE$/)
    await page.getByRole('rowheader', { name: 'Germany' }).waitFor({ state: 'detached' })
  })

  test('narrows to a country with the keyboard alone, in the table', async () => {
    const page = await pages.open(`${explorer.url}/map`)
    const monaco = page.getByRole('button', { name: 'Monaco', exact: true })
    await monaco.waitFor()
    await page.getByRole('button', { name: 'Error share' }).focus()
    const focused = page.locator(':focus')
    while ((await focused.innerText()) !== 'Monaco') await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await page.waitForURL(/q=country:MC$/)
    await page.getByRole('rowheader', { name: 'Germany' }).waitFor({ state: 'detached' })
    expect(await page.getByRole('combobox', { name: 'Query' }).inputValue()).toBe('country:MC')
    await page.keyboard.press('g')
    await page.keyboard.press('r')
    await page.getByText('1 request', { exact: true }).first().waitFor()
    expect(pages.browser.complaints()).toEqual([])
  })
})

function* records() {
  for (const [isoCode, [requests, failed]] of Object.entries(COUNTRIES)) {
    for (let index = 0; index < requests; index++) {
      yield recordOf(`${isoCode}-${index}`, 10_000 + index, {
        responseCode: index < failed ? 500 : 200,
        geo: {
          country: { isoCode },
          city: { geonameId: 0, names: null },
          location: { latitude: 0, longitude: 0, timeZone: '' },
        },
      })
    }
  }
}
