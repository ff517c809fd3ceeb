/**
 * How many processes serve.
 *
 * @param configured - the key `workers`; 0 means one per core.
 * @param cores - that this process may use.
 */
export function workerCount(configured: number, cores: number): number {
  return configured === 0 ? Math.max(1, cores) : configured
}
