/** What stops the set-up: what went wrong, where, and what to do. `exitCode` is 2 for mistakes in options, else 1. */
export class SetupError extends Error {
  /**
   * @param {string} message
   * @param {string} cure
   * @param {{ exitCode?: number, cause?: unknown }} [more]
   */
  constructor(message, cure, { exitCode = 1, cause } = {}) {
    super(message, { cause })
    this.name = 'SetupError'
    this.cure = cure
    this.exitCode = exitCode
  }
}
