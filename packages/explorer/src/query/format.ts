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

/** A text beside which wildcards may stand: what means something else in the line becomes a `?`, and half a character too. */
export function unquoted(text: string): string {
  return text.replace(/^['<>[\]{}!=-]|[\s"\\():*?\p{Cs}]/gu, '?')
}
