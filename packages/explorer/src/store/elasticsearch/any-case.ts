/** A pattern of Lucene for a text in any letter case. Its own option for that knows the letters of ASCII only. */
export function anyCase(text: string): string {
  return Array.from(text, (one) => {
    const [lower, upper] = [one.toLowerCase(), one.toUpperCase()]
    if (lower !== upper && lower.length === 1 && upper.length === 1) return `[${lower}${upper}]`
    return /[\p{L}\p{N}]/u.test(one) ? one : `\\${one}`
  }).join('')
}
