import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { ConfigReport } from './report.ts'

export interface Notice {
  readonly level: 'info' | 'warn' | 'error'
  readonly message: string
  readonly fields?: Readonly<Record<string, string>>
}

export interface ConfigFile {
  readonly path: string
  /** Relative paths start here. */
  readonly cwd: string
  /** It was asked for by a command that would otherwise act on what runs at the default addresses. */
  readonly mustExist: boolean
}

/**
 * Reads pump.conf. A missing file is no problem unless it must exist, because a container is often configured by its
 * environment alone; a file that is no JSON is one, because going on would run with settings nobody chose.
 */
export function readConfigFile({ path, cwd, mustExist }: ConfigFile, report: ConfigReport, notices: Notice[]): unknown {
  let text: string
  try {
    text = readFileSync(resolve(cwd, path), 'utf8')
  } catch (error) {
    if (mustExist) {
      report.problems.push({ key: '--conf', message: `${describe(error, path)}; correct the path` })
      return undefined
    }
    const message = `Couldn't load configuration file: ${describe(error, path)}`
    notices.push({ level: 'error', message })
    notices.push({ level: 'error', message: "Couldn't unmarshal configuration: unexpected end of JSON input" })
    return undefined
  }
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''))
  } catch (error) {
    report.problems.push({ key: path, message: `expected JSON: ${withoutExcerpt((error as Error).message)}` })
    return undefined
  }
}

function describe(error: unknown, path: string): string {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'EISDIR') return `read ${path}: is a directory`
  return code === 'ENOENT' ? `open ${path}: no such file or directory` : message
}

/** V8 quotes the text around the mistake, which may hold a password. */
function withoutExcerpt(message: string): string {
  return message.replace(/, ?"?(\.\.\.)?".*$/s, '').replace(/, \.\.\..*$/s, '')
}
