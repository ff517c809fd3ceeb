/** Why something failed, for a log line. A parser's own message quotes the text that it could not read, secrets included. */
export const reasonOf = (err: unknown): string =>
  err instanceof SyntaxError ? 'malformed JSON' : err instanceof Error ? err.message : 'unknown'
