/** What strangers put into requests, on every place of the page that shows it; and mistakes in links and query lines. */
import type { AnalyticsRecord } from '@tek/analytics-record'
import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { UNSEEN } from '../../packages/explorer/src/query/format.ts'
import { axeFindings, browserSkipReason } from '../support/browser.ts'
import { eventually } from '../support/eventually.ts'
import type { Explorer } from '../support/explorer.ts'
import { isCut, type Pages, PHONE, recordOf, startPages, WIDE } from '../support/explorer-page.ts'

const SCRIPT = '<script>window.injected = 1</script><img src=x onerror="window.injected = 1">'
const MEGABYTE = `/long/${'<b>x</b>'.repeat(131_072)}`
const OVERRIDE = '\u202E'
const base64 = (bytes: string | readonly number[]): string =>
  (typeof bytes === 'string' ? Buffer.from(bytes) : Buffer.from(bytes)).toString('base64')

/** By the id of the record. */
const HOSTILE: Readonly<Record<string, Partial<AnalyticsRecord>>> = {
  script: { path: `/${SCRIPT}`, userAgent: SCRIPT, apiName: SCRIPT, alias: SCRIPT, tags: [SCRIPT], method: SCRIPT },
  long: { path: MEGABYTE, userAgent: SCRIPT.repeat(1000), method: 'M'.repeat(1000), apiName: 'A'.repeat(1000) },
  bytes: {
    path: '/bytes/\uFFFD\uFFFD',
    rawRequest: base64([0xff, 0xfe, 0x00, 0x80]),
    rawResponse: base64(`HTTP/1.1 400 ${OVERRIDE}KO\r\nx: a\u0007\u001B[2J\r\n\r\n{"a":"${OVERRIDE}b"}`),
  },
  control: { path: '/line\nbreak\ttab\rback\u0085\u2028end', alias: 'ad\u001B[31mmin', userAgent: 'nul\u0000l' },
  override: { path: `/pay/${OVERRIDE}fdp.exe`, apiName: `${OVERRIDE}nibptth`, tags: ['\u2067x\u2069', 'a\u200Bb'] },
  endless: { path: `/${OVERRIDE.repeat(500)}`, userAgent: 'z\u0301\u0302\u0303'.repeat(300) },
}
const LISTS = ['overview', 'requests', 'errors', 'map'] as const

describe.skipIf(browserSkipReason())('hostile requests on the explorer page', { timeout: 120_000 }, () => {
  let pages: Pages
  let explorer: Explorer

  beforeAll(async () => {
    pages = await startPages()
    explorer = await pages.explore(
      Object.entries(HOSTILE).map(([id, members], index) =>
        recordOf(id, 60_000 + index * 1000, { responseCode: 400 + index, ...members }),
      ),
    )
  }, 180_000)
  afterAll(() => pages?.[Symbol.asyncDispose]())
  afterEach(() => pages.closePages())

  async function expectHarmless(page: Page, what: string): Promise<void> {
    expect(await page.evaluate('window.injected'), what).toBeUndefined()
    expect(await page.locator('img, main script').count(), what).toBe(0)
    expect(await isCut(page), what).toBe(false)
    const texts = await page.evaluate<string[]>(SHOWN_TEXTS)
    expect(
      texts.filter((text) => text.replaceAll('\n', '').search(UNSEEN) >= 0),
      what,
    ).toEqual([])
  }

  test.each([WIDE, PHONE] as const)('run nothing, hide nothing and fit in every list (%d px)', async (width) => {
    const page = await pages.open('about:blank', width)
    for (const view of LISTS) {
      await page.goto(`${explorer.url}/${view}`)
      await page.waitForLoadState('networkidle')
      await expectHarmless(page, view)
      expect(await axeFindings(page), view).toEqual([])
    }
    expect(pages.browser.complaints()).toEqual([])
  })

  test.each(Object.keys(HOSTILE).flatMap((id) => [[id, WIDE] as const, [id, PHONE] as const]))(
    'run nothing, hide nothing and fit when opened (%s, %d px)',
    async (id, width) => {
      const page = await pages.open(`${explorer.url}/requests?row=${id}`, width)
      const detail = page.getByRole('article', { name: 'Details of a request' })
      await detail.waitFor()
      await expectHarmless(page, id)
      const wider = await detail.evaluate((element) => element.scrollWidth > element.clientWidth)
      expect(wider).toBe(false)
      expect(await axeFindings(page)).toEqual([])
      if (id === 'bytes') {
        await detail.getByText('Not UTF-8').waitFor()
        await detail.getByText('HTTP/1.1 400 [U+202E]KO').waitFor()
        await detail.getByText('x: a[U+0007][U+001B][2J').waitFor()
        await detail.getByText('"[U+202E]b"').waitFor()
      }
      expect(pages.browser.complaints()).toEqual([])
    },
  )

  test('stay on a line of their own in the table, with a mark for each sign that hides', async () => {
    const page = await pages.open(`${explorer.url}/requests`)
    const row = page.locator('[data-row]')
    await row.nth(5).waitFor()
    const heights = await Promise.all(
      Array.from({ length: 6 }, async (_, at) => (await row.nth(at).boundingBox())?.height),
    )
    expect(new Set(heights).size).toBe(1)
    await row.nth(3).getByText('/line[U+000A]break[U+0009]tab[U+000D]back[U+0085]').waitFor()
    await row.nth(3).getByText('ad[U+001B][31mmin').waitFor()
    await row.nth(4).getByTitle('/pay/[U+202E]fdp.exe').waitFor()
    await row.nth(4).getByText('[U+202E]nibptth').waitFor()
  })

  test.each([
    ['overview', '/pay/[U+202E]fdp.exe', 'request_uri:/pay/?fdp.exe', 'override'],
    [
      'overview',
      '/line[U+000A]break[U+0009]tab[U+000D]back[U+0085][U+2028]end',
      'request_uri:/line?break?tab?back??end',
      'control',
    ],
    ['overview', 'nul[U+0000]l', 'user_agent:nul?l', 'control'],
    ['overview', '[U+2067]x[U+2069]', 'tags:?x?', 'override'],
    ['errors', '[U+202E]nibptth', 'api_name:?nibptth', 'override'],
  ])('are found by a click on %s on %s', async (view, shown, term, id) => {
    const page = await pages.open(`${explorer.url}/${view}`)
    await page.getByTitle(shown).first().click()
    const line = page.getByRole('combobox', { name: 'Query' })
    await eventually(async () => expect(await line.inputValue()).toBe(term))
    await page.getByRole('link', { name: 'Requests', exact: true }).click()
    await page.getByText('1 request', { exact: true }).first().waitFor()
    await page.getByRole('button', { name: /^Details of/ }).click()
    await page.waitForURL(new RegExp(`row=${id}`))
    expect(pages.browser.complaints()).toEqual([])
  })

  test.each([
    ['from=now-1x', '“now-1x”'],
    ['from=yesterday&to=2026-02-31', '“yesterday” and “2026-02-31”'],
    [`from=${encodeURIComponent(`${OVERRIDE}<img src=x>`)}`, '“[U+202E]<img src=x>”'],
  ])('in a link: the range %s is said to be none, until another is chosen', async (range, words) => {
    const page = await pages.open(`${explorer.url}/requests?${range}`, PHONE)
    await page.getByText('6 requests', { exact: true }).first().waitFor()
    const note = page.getByRole('status').filter({ hasText: 'The link has no time range' })
    await note.getByText(words).waitFor()
    await note.getByText('What you see: Last 15 minutes.').waitFor()
    expect(await axeFindings(page)).toEqual([])
    await expectHarmless(page, range)
    await page.getByRole('button', { name: 'Last 15 minutes' }).click()
    await page.getByRole('button', { name: 'Last hour' }).click()
    await note.waitFor({ state: 'detached' })
    await page.goBack()
    await note.waitFor()
  })

  test.each([WIDE, PHONE] as const)(
    'a mistake far to the right of the query line is in sight (%d px)',
    async (width) => {
      const before = 'response_code:400 and api_name:httpbin and not tags:foo and '
      const query = `${before}response_cod:500${' and alias:nobody'.repeat(10)}`
      const page = await pages.open(`${explorer.url}/requests?q=${encodeURIComponent(query)}`, width)
      const caret = page.locator('.caret span')
      await caret.waitFor()
      await eventually(async () => {
        const [field, mark] = await Promise.all([page.locator('#query').boundingBox(), caret.boundingBox()])
        if (field === null || mark === null) throw new Error('line or mark is not in sight')
        expect(mark.x).toBeGreaterThanOrEqual(field.x)
        expect(mark.x + mark.width).toBeLessThanOrEqual(field.x + field.width)
      })
      expect(pages.browser.complaints().filter((text) => !text.includes('400'))).toEqual([])
    },
  )
})

/** All that is read on the page, or heard of it: texts, titles and labels. */
const SHOWN_TEXTS = `[...document.querySelectorAll('body, body *')].flatMap((element) => [
  ...[...element.childNodes].filter(({ nodeType }) => nodeType === Node.TEXT_NODE).map(({ data }) => data),
  element.getAttribute('title') ?? '',
  element.getAttribute('aria-label') ?? '',
]).concat(document.title)`
