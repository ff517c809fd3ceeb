import { distance } from 'fastest-levenshtein'

const MOST_EDITS = 2
/** Below this length two edits turn almost any name into any other. */
const SHORT_NAME = 6

/** `listen_prot (did you mean listen_port?)`, or the name alone when nothing resembles it. */
export function suggest(name: string, known: readonly string[]): string {
  const near = nearest(name, known)
  return near === undefined ? name : `${name} (did you mean ${near}?)`
}

/**
 * The known name that a misspelt one is closest to; undefined: none is close.
 *
 * Letter case and underscores do not count: `TYK_GW_LISTEN_PORT` is meant to be `TYK_GW_LISTENPORT`.
 */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const text = folded(name)
  let best: string | undefined
  let fewest = (text.length < SHORT_NAME ? 1 : MOST_EDITS) + 1
  for (const candidate of known) {
    const edits = distance(text, folded(candidate))
    if (edits < fewest) [best, fewest] = [candidate, edits]
  }
  return best
}

function folded(name: string): string {
  return name.toLowerCase().replaceAll('_', '')
}
