import { setTimeout as delay } from 'node:timers/promises'

/**
 * Repeats a check until it stops throwing, and returns what it returned.
 *
 * @throws The check's last error, once the deadline has passed.
 */
export async function eventually<T>(check: () => T | Promise<T>, timeoutMs = 20_000, intervalMs = 20): Promise<T> {
  const deadline = Date.now() + timeoutMs
  for (;;) {
    try {
      return await check()
    } catch (error) {
      if (Date.now() >= deadline) throw error
    }
    await delay(intervalMs)
  }
}
