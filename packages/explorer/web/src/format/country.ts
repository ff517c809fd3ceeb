import { legible } from './text.ts'

const names = new Intl.DisplayNames(['en'], { type: 'region', fallback: 'code' })

/** Name of an ISO 3166-1 alpha-2 code; records may hold anything, so anything is taken. */
export function countryName(iso: string): string {
  if (iso === '') return 'Unknown'
  try {
    return names.of(iso.toUpperCase()) ?? iso
  } catch {
    return legible(iso)
  }
}
