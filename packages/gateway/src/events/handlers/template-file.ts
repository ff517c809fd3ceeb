import { readFileSync, statSync, type Stats } from 'node:fs'
import { stat } from 'node:fs/promises'
import { compileTemplate, type Render } from '../template/index.ts'

/** A template in a file, read again when the file changes: APIs that did not change outlive reloads. */
export interface TemplateFile {
  readonly file: string
  /** Null: it could never be used. A change that cannot be used leaves the one before in force. */
  readonly render: Render | null
  /** Looks at the file again, at most once a second. */
  refresh(): Promise<void>
}

const LOOK_AFTER_MS = 1000

/** @param onFailure - told once of each form of the file that cannot be used; of a missing file as well. */
export function openTemplateFile(file: string, onFailure: (err: Error) => void): TemplateFile {
  let render: Render | null = null
  let stamp = ''
  let lookedAtMs = performance.now()

  const load = (next: string): void => {
    stamp = next
    try {
      render = compileTemplate(readFileSync(file, 'utf8'))
    } catch (err) {
      onFailure(err as Error)
    }
  }

  try {
    load(stampOf(statSync(file, { throwIfNoEntry: false })))
  } catch (err) {
    // A folder that may not be entered, say.
    onFailure(err as Error)
  }
  return {
    file,
    get render() {
      return render
    },
    async refresh() {
      if (performance.now() - lookedAtMs < LOOK_AFTER_MS) return
      lookedAtMs = performance.now()
      const next = stampOf(await stat(file).catch(() => undefined))
      if (next !== stamp) load(next)
    },
  }
}

const stampOf = (stats: Stats | undefined): string => (stats === undefined ? '' : `${stats.mtimeMs} ${stats.size}`)
