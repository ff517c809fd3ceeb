import { readFileSync } from 'node:fs'

/** The program's version, e.g. `v0.1.0`. */
export const version: string = readVersion()

function readVersion(): string {
  // One folder up from both src/ and dist/.
  const manifest: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  return `v${(manifest as { version: string }).version}`
}
