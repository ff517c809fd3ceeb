/** Pages of explorers over records that a test has made up, in a real browser. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type AnalyticsRecord, emptyRecord } from '@tek/analytics-record'
import type { Page } from 'playwright-core'
import type { StoredRecord } from '../../packages/explorer/test/support/records.ts'
import { writeSqliteFile } from '../../packages/explorer/test/support/sqlite-file.ts'
import { buildPage } from '../../scripts/jobs/build-page.ts'
import { startBrowser, type TestBrowser } from './browser.ts'
import { type Explorer, startExplorer } from './explorer.ts'

export const WIDE = 1280
export const PHONE = 390

export interface Pages extends AsyncDisposable {
  readonly browser: TestBrowser
  /** Starts an explorer over a new file with these records. */
  explore(records: Iterable<StoredRecord>): Promise<Explorer>
  /** Starts an explorer with these variables. */
  exploreWith(env: Readonly<Record<string, string>>): Promise<Explorer>
  open(url: string, width?: typeof WIDE | typeof PHONE): Promise<Page>
  /** Between two tests. */
  closePages(): Promise<void>
}

/** Builds the page where it is not up to date, and starts a browser. Disposing it ends what was started. */
export async function startPages(): Promise<Pages> {
  await buildPage()
  const folder = await mkdtemp(join(tmpdir(), 'tek-pages-'))
  const browser = await startBrowser()
  const explorers: Explorer[] = []
  const exploreWith = async (env: Readonly<Record<string, string>>): Promise<Explorer> => {
    const explorer = await startExplorer(env)
    explorers.push(explorer)
    return explorer
  }
  return {
    browser,
    exploreWith,
    explore(records) {
      const file = join(folder, `${explorers.length}.sqlite`)
      writeSqliteFile(file, records)
      return exploreWith({ TEK_EXPLORER_SQLITE_FILE: file })
    },
    async open(url, width = WIDE) {
      const page = await browser.context.newPage()
      await page.setViewportSize({ width, height: width === PHONE ? 844 : 800 })
      await page.goto(url)
      return page
    },
    async closePages() {
      for (const page of browser.context.pages().slice(1)) await page.close()
    },
    async [Symbol.asyncDispose]() {
      await browser[Symbol.asyncDispose]()
      for (const explorer of explorers) await explorer.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** A record of so long ago, which differs from an empty one as said. */
export function recordOf(id: string, agoMs: number, members: Partial<AnalyticsRecord>): StoredRecord {
  const ms = Date.now() - agoMs
  const seconds = Math.floor(ms / 1000)
  return {
    id,
    record: {
      ...emptyRecord(),
      method: 'GET',
      path: '/get',
      apiName: 'httpbin',
      apiId: 'httpbin',
      responseCode: 200,
      ...members,
      timestamp: { seconds, nanos: (ms % 1000) * 1e6 },
      expireAt: { seconds: seconds + 86_400, nanos: 0 },
    },
  }
}

/** Whether something makes the page wider than its window. */
export function isCut(page: Page): Promise<boolean> {
  return page.evaluate('document.documentElement.scrollWidth > innerWidth')
}
