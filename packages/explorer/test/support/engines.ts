import { describe, expect, it } from 'vitest'

/**
 * Real servers, one per engine, named by environment: TEK_ELASTICSEARCH_8_URL=http://127.0.0.1:9200 and so on. An engine
 * without a URL is passed by on a developer's machine; in CI every one must be there.
 */
const ENGINES = ['7', '8', '9', 'opensearch2'] as const

/** Describes the same for each engine that is at hand. */
export function forEachEngine(describeEngine: (url: string, engine: string) => void): void {
  for (const engine of ENGINES) {
    const name = `TEK_ELASTICSEARCH_${engine.toUpperCase()}_URL`
    const url = process.env[name]
    if (!url) {
      if (process.env['CI']) throw new Error(`${name} is not set: CI must test every engine`)
      console.log(`engine ${engine} is not tested: ${name} is not set`)
      continue
    }
    describe(`engine ${engine}`, () => {
      describeEngine(url, engine)
    })
  }
  // Keeps a file valid where no engine is at hand.
  it('knows which engines there are to test', () => expect(ENGINES).toHaveLength(4))
}
