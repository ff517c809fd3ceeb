import { distance } from 'fastest-levenshtein'

const MOST_EDITS = 2
/** Below this length two edits turn almost any name into any other. */
const SHORT_NAME = 6

/** `TYK_PMP_PURGE_DELAY (did you mean TYK_PMP_PURGEDELAY?)`, or the name alone when nothing resembles it. */
export function suggest(name: string, known: readonly string[]): string {
  const near = nearest(name, known)
  return near === undefined ? name : `${name} (did you mean ${near}?)`
}

/** Letter case and underscores do not count: `TYK_PMP_LOG_LEVEL` is meant to be `TYK_PMP_LOGLEVEL`. */
function nearest(name: string, known: readonly string[]): string | undefined {
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
