import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { setPath } from './bind.ts'
import { ConfigError } from './config-error.ts'
import { toJson } from './formats.ts'
import { type ConfigRow, type ConfigSection, rowsOf } from './section.ts'

/** Where a configuration file is looked for when no path is given. */
const CANDIDATES = ['tyk.conf', '/etc/tyk/tyk.conf'] as const

export interface FoundFile {
  readonly path: string
  /** Null when no candidate exists; `path` is then the first one. */
  readonly text: string | null
}

/**
 * Reads the first candidate that exists. A path that was given replaces the candidates.
 *
 * @throws ConfigError when a file is there but cannot be read; the next candidate is not tried.
 */
export function findConfigFile(given: string | null, cwd: string): FoundFile {
  const paths = (given === null ? CANDIDATES : [given]).map((path) => resolve(cwd, path))
  for (const path of paths) {
    try {
      return { path, text: readFileSync(path, 'utf8') }
    } catch (err) {
      const { code } = err as NodeJS.ErrnoException
      if (code === 'ENOENT') continue
      throw new ConfigError([{ source: 'file', text: `cannot be read (${code ?? 'unknown error'})` }], path, {
        cause: err,
      })
    }
  }
  return { path: paths[0] as string, text: null }
}

/** A row's value when there is no configuration file. */
export function generatedValue(row: ConfigRow): unknown {
  return row.generated ?? row.default
}

/** The text of a file with every key at its built-in value. */
export function defaultFileText(schema: ConfigSection): string {
  const file: Record<string, unknown> = {}
  for (const { key, row } of rowsOf(schema)) if (!row.envOnly) setPath(file, key, toJson(row, generatedValue(row)))
  return JSON.stringify(file, null, 4)
}

/** Writes the default file; undefined when that worked, else the reason. */
export function writeDefaultFile(path: string, schema: ConfigSection): string | undefined {
  try {
    // `wx`: a file that appeared in the meantime belongs to someone.
    writeFileSync(path, defaultFileText(schema), { mode: 0o644, flag: 'wx' })
    return undefined
  } catch (err) {
    return (err as NodeJS.ErrnoException).code ?? 'unknown error'
  }
}
