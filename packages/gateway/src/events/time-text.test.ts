import { expect, test } from 'vitest'
import { goTimeText } from './time-text.ts'

test.each<[zone: string, atMs: number, text: string]>([
  ['UTC', 0, '1970-01-01 00:00:00 +0000 UTC'],
  ['UTC', 1_787_333_987_120, '2026-08-21 17:39:47.12 +0000 UTC'],
  ['Europe/Helsinki', 1_787_333_987_123, '2026-08-21 20:39:47.123 +0300 +0300'],
  ['America/St_Johns', 1_768_000_000_005, '2026-01-09 19:36:40.005 -0330 -0330'],
])('in %s, %i is %s', (zone, atMs, text) => {
  const before = process.env['TZ']
  process.env['TZ'] = zone
  try {
    expect(goTimeText(atMs)).toBe(text)
  } finally {
    if (before === undefined) delete process.env['TZ']
    else process.env['TZ'] = before
  }
})
