/** How a value is written in the query line. Free of Node's modules: the page builds terms with it. */

const PLAIN = /^[^\s"'\\()*?<>[\]{}!=-][^\s"\\()*?]*$/
const OPERATOR = /^(?:and|or|not|&&|\|\|)$/i

/** `field:value`, quoted where the value would mean something else, `-field:*` for the empty text. */
export function formatTerm(field: string, value: string | number | boolean): string {
  if (value === '') return `-${field}:*`
  return `${field}:${formatValue(value)}`
}

/** The value alone, as it stands after the colon. */
export function formatValue(value: string | number | boolean): string {
  if (typeof value !== 'string') return String(value)
  return PLAIN.test(value) && !OPERATOR.test(value) ? value : `"${value.replaceAll(/["\\]/g, '\\$&')}"`
}

/**
 * What shows nothing of itself, or changes how its neighbours are shown: control and format characters, line separators,
 * fillers, half a character. A joiner between characters beyond ASCII stays, as scripts and emoji are written with it.
 */
export const UNSEEN =
  /(?!(?<=\P{ASCII})[\u200c\u200d]\P{ASCII})[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0]/gu

/** A text beside which wildcards may stand: what means something else in the line becomes a `?`, and what is unseen too. */
export function unquoted(text: string): string {
  return text.replace(UNSEEN, '?').replace(/^['<>[\]{}!=-]|[\s"\\():*?]/gu, '?')
}
