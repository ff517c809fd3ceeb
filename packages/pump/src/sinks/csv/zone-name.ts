/** Regions that call their zones as the time zone database does; elsewhere only an offset is printed. */
const LOCALES = ['en-US', 'en-GB', 'en-IN', 'en-AU', 'en-ZA', 'ja-JP', 'id-ID'] as const

const names = new Map<string, string>()

/**
 * The short name of the process's zone at a time, as Go prints it: `UTC`, `CEST`, `IST`; for a zone without a known name
 * the offset, `+04`. Found once per zone and offset, because it costs a formatter per region.
 *
 * @param offset - The offset at that time, e.g. `+0530`.
 */
export function zoneName(date: Date, offset: string): string {
  const key = `${process.env['TZ'] ?? ''} ${offset}`
  const known = names.get(key)
  if (known !== undefined) return known
  const name = LOCALES.map((locale) => shortName(locale, date)).find(isZoneName) ?? offset.replace(/00$/, '')
  names.set(key, name)
  return name
}

function shortName(locale: string, date: Date): string {
  const parts = new Intl.DateTimeFormat(locale, { timeZoneName: 'short' }).formatToParts(date)
  return parts.find(({ type }) => type === 'timeZoneName')?.value ?? ''
}

/** `GST`, Gulf time, is not in the database: it says `+04`. */
const isZoneName = (name: string): boolean => /^[A-Z]{3,5}$/.test(name) && name !== 'GST'
