const FIRST_MS = 100
const LONGEST_MS = 10_000

/**
 * Milliseconds to wait before a process is started in place of one that ended.
 *
 * @param failures - how many ended in a row before they had served for a while; the first replacement is immediate.
 */
export function restartDelayMs(failures: number): number {
  return failures === 0 ? 0 : Math.min(FIRST_MS * 2 ** (failures - 1), LONGEST_MS)
}
