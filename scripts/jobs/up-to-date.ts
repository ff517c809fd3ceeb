import { globSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** Whether a file is newer than everything it was made of. */
export function isUpToDate(built: string, folder: string, sources: readonly string[]): boolean {
  const builtAt = statSync(built, { throwIfNoEntry: false })?.mtimeMs ?? 0
  return sources
    .flatMap((pattern) => globSync(pattern, { cwd: folder }))
    .map((file) => statSync(join(folder, file)).mtimeMs)
    .every((changedAt) => changedAt < builtAt)
}
