/** A mistake in the query line: what, where and what to write instead. */
export class QuerySyntaxError extends Error {
  override readonly name = 'QuerySyntaxError'
  /** From 0, in UTF-16 units of the line as it was typed. */
  readonly position: number
  readonly cure: string

  constructor(message: string, position: number, cure: string) {
    super(message)
    this.position = position
    this.cure = cure
  }
}
