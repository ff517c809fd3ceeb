/** A real browser without a window, for tests of pages. */
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrowserContext, chromium, type Page } from 'playwright-core'

const PATHS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

function browserPath(): string | undefined {
  const named = process.env['TEK_CHROMIUM']
  return named || PATHS.find((path) => existsSync(path))
}

/** Why tests that need a browser cannot run here, or undefined when they can. With CI set they fail instead. */
export function browserSkipReason(): string | undefined {
  if (browserPath() !== undefined || process.env['CI']) return undefined
  return 'no Chromium was found: install the package chromium, or name one by TEK_CHROMIUM'
}

export interface TestBrowser extends AsyncDisposable {
  readonly context: BrowserContext
  /** What pages have complained about since the last call: errors on the console, of scripts and of requests. */
  complaints(): string[]
}

/** Starts a browser with an empty profile that asks nobody outside. Disposing it ends it. */
export async function startBrowser(): Promise<TestBrowser> {
  const executablePath = browserPath()
  if (executablePath === undefined) throw new Error('no Chromium was found: install the package chromium')
  const profile = await mkdtemp(join(tmpdir(), 'tek-chromium-'))
  const context = await chromium.launchPersistentContext(profile, {
    executablePath,
    headless: true,
    acceptDownloads: true,
    viewport: { width: 1280, height: 800 },
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
  const found: string[] = []
  context.on('console', (message) => {
    if (message.type() === 'error') found.push(message.text())
  })
  context.on('weberror', (error) => void found.push(String(error.error())))
  return {
    context,
    complaints: () => found.splice(0),
    async [Symbol.asyncDispose]() {
      await context.close()
      await rm(profile, { recursive: true, force: true })
    },
  }
}

interface AxeResult {
  readonly violations: readonly {
    readonly id: string
    readonly impact: string | null
    readonly help: string
    readonly nodes: readonly { readonly html: string }[]
  }[]
}

/** The serious and critical findings of axe-core on a page, one line each. */
export async function axeFindings(page: Page): Promise<string[]> {
  const source = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
  // Evaluated over the debugger's connection, so the page's own policy for scripts stays as it is.
  const result = await page.evaluate<AxeResult>(`${source}; axe.run(document, { resultTypes: ['violations'] })`)
  return result.violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html.slice(0, 200)).join(' | ')}`)
}
