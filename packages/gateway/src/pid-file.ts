import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Log } from './log/log.ts'

/** Writes this process's id for whoever sends signals by file. That it cannot be written ends nothing. */
export function writePidFile(file: string, log: Log): void {
  log.info(`PIDFile location set to: ${file}`)
  try {
    if (file === '') throw new Error('pid_file_location is not set')
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o755 })
    writeFileSync(file, String(process.pid), { mode: 0o600 })
  } catch (err) {
    log.warn(`Failed to write PIDFile: ${(err as Error).message}`)
  }
}

/** Removes the file, unless another process has written its own id into it since. */
export function removePidFile(file: string): void {
  try {
    if (readFileSync(file, 'utf8') === String(process.pid)) rmSync(file)
  } catch {
    // It was never written, or somebody was faster.
  }
}
