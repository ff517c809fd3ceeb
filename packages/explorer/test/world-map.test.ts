import { describe, expect, it } from 'vitest'
import { countryPaths } from '../build/world-map.ts'
import { countryName } from '../web/src/format/country.ts'

describe('the map', () => {
  it('has a shape and a name for each code, once', () => {
    const { countries } = countryPaths()
    const codes = countries.map(([iso]) => iso).filter((iso) => iso !== '')
    expect(codes.length).toBeGreaterThan(165)
    expect(new Set(codes).size).toBe(codes.length)
    for (const iso of codes) expect(countryName(iso)).not.toBe(iso)
    for (const [, path] of countries) expect(path).toMatch(/^M[\d.,MLZ-]+$/)
  })
})
