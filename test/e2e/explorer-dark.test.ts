/** The colours of the page: those of the system, those of its switch, and those that charts are drawn in. */
import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { traffic } from '../../packages/explorer/test/support/records.ts'
import { axeFindings, browserSkipReason } from '../support/browser.ts'
import { eventually } from '../support/eventually.ts'
import type { Explorer } from '../support/explorer.ts'
import { isCut, type Pages, PHONE, startPages, WIDE } from '../support/explorer-page.ts'

const MINUTE_MS = 60_000
/** `--s-2xx`, of which most of each chart of requests is. */
const BARS = { light: 'rgb(90, 169, 160)', dark: 'rgb(65, 141, 133)' } as const
type Scheme = keyof typeof BARS
const GROUNDS = { light: 'rgb(246, 247, 249)', dark: 'rgb(14, 17, 22)' } as const
const VIEWS = ['overview', 'requests', 'errors', 'map', 'map?sort=errors', 'pipeline'] as const

describe.skipIf(browserSkipReason())('the colours of the explorer page', { timeout: 120_000 }, () => {
  let pages: Pages
  let explorer: Explorer

  beforeAll(async () => {
    pages = await startPages()
    const now = Date.now()
    explorer = await pages.explore(
      traffic({ count: 1000, fromMs: now - 10 * MINUTE_MS, toMs: now - 1000, detailed: true }),
    )
  }, 180_000)
  afterAll(() => pages?.[Symbol.asyncDispose]())
  afterEach(() => pages.closePages())

  test('are those of the system, and change with it', async () => {
    const page = await pages.open(`${explorer.url}/overview`)
    await expectColours(page, 'light')
    await page.emulateMedia({ colorScheme: 'dark' })
    await expectColours(page, 'dark')
    await page.emulateMedia({ colorScheme: 'light' })
    await expectColours(page, 'light')
    expect(pages.browser.complaints()).toEqual([])
  })

  test('are those of the switch, also after a reload, until it follows the system again', async () => {
    const page = await pages.open(`${explorer.url}/requests`)
    await page.getByRole('button', { name: /^Colours: as the system/ }).click()
    await page.getByRole('button', { name: /^Colours: light/ }).click()
    await expectColours(page, 'dark')
    await page.reload()
    await expectColours(page, 'dark')
    await page.getByRole('button', { name: /^Colours: dark/ }).click()
    await expectColours(page, 'light')
    await page.emulateMedia({ colorScheme: 'dark' })
    await expectColours(page, 'dark')
  })

  test.each([WIDE, PHONE] as const)('can be read in the dark on every view (%d px)', async (width) => {
    const page = await pages.open('about:blank', width)
    await page.emulateMedia({ colorScheme: 'dark' })
    for (const view of VIEWS) {
      await page.goto(`${explorer.url}/${view}`)
      await page.waitForLoadState('networkidle')
      expect(await groundOf(page), view).toBe(GROUNDS.dark)
      expect(await axeFindings(page), view).toEqual([])
      expect(await isCut(page), view).toBe(false)
    }
    await page.goto(`${explorer.url}/requests?q=response_code:>=500`)
    await page
      .getByRole('button', { name: /^Details of/ })
      .first()
      .click()
    await page.getByRole('article', { name: 'Details of a request' }).waitFor()
    expect(await axeFindings(page), 'opened request').toEqual([])
    await page.goto(`${explorer.url}/requests?q=response_cod:1`)
    await page.getByText('did you mean response_code').waitFor()
    expect(await axeFindings(page), 'mistake').toEqual([])
    expect(pages.browser.complaints().filter((text) => !text.includes('400'))).toEqual([])
  })
})

async function expectColours(page: Page, scheme: Scheme): Promise<void> {
  const other = scheme === 'light' ? 'dark' : 'light'
  await eventually(async () => {
    expect(await groundOf(page)).toBe(GROUNDS[scheme])
    const drawn = await chartColours(page)
    expect(drawn).toContain(BARS[scheme])
    expect(drawn).not.toContain(BARS[other])
  })
}

const groundOf = (page: Page): Promise<string> =>
  page.evaluate('getComputedStyle(document.documentElement).backgroundColor')

/** What the first chart on the page is painted with. */
function chartColours(page: Page): Promise<string[]> {
  return page.evaluate(`(() => {
    const canvas = document.querySelector('.chart canvas')
    if (canvas === null) return []
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
    const colours = new Set()
    for (let at = 0; at < data.length; at += 4) {
      if (data[at + 3] === 255) colours.add('rgb(' + [data[at], data[at + 1], data[at + 2]].join(', ') + ')')
    }
    return [...colours]
  })()`)
}
