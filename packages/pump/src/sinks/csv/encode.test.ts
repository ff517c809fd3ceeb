import { beforeAll, expect, it } from 'vitest'
import { keylessRecord } from '../../../test/support/sink-records.ts'
import { CSV_HEADER, csvFileName, encodeCsvRow } from './encode.ts'

const columnOf = (name: string, row: string): string | undefined =>
  row.slice(0, -1).split(',')[CSV_HEADER.slice(0, -1).split(',').indexOf(name)]

beforeAll(() => {
  process.env['TZ'] = 'UTC'
})

it('has 42 columns', () => {
  expect(CSV_HEADER.split(',')).toHaveLength(42)
  expect(encodeCsvRow(keylessRecord()).split(',')).toHaveLength(42)
})

it('writes a record as the published example', () => {
  const geo = {
    country: { isoCode: 'DE' },
    city: { geonameId: 2_950_159, names: { en: 'Berlin', de: 'Berlin' } },
    location: { latitude: -39.7, longitude: 13.405, timeZone: 'Europe/Berlin' },
  }
  expect(encodeCsvRow(keylessRecord({ geo, contentLength: -1, trackPath: true }))).toBe(
    'GET,httpbin:80,/get,/get,-1,curl/7.67.0,10,January,2020,20,200,00000000,' +
      '2020-01-10 20:18:53.123456789 +0000 UTC,Non Versioned,httpbin,httpbin,,,4,,,172.22.0.1,' +
      'DE,2950159,de:Berlin;en:Berlin,-39.7,13.405,Europe/Berlin,0,0,0,0,4,3,1,' +
      'key-00000000;api-httpbin,,true,2020-01-17 20:18:53 +0000 UTC,,/httpbin/get,/httpbin/\n',
  )
})

it.each([
  ['plain', 'plain'],
  ['', ''],
  ['a,b', '"a,b"'],
  ['say "hi"', '"say ""hi"""'],
  ['two\nlines', '"two\nlines"'],
  ['cr\rlf', '"cr\rlf"'],
  [' lead', '" lead"'],
  ['\u00a0nbsp', '"\u00a0nbsp"'],
  ['\u3000wide', '"\u3000wide"'],
  ['\ufeffbom', '\ufeffbom'],
  ['tail ', 'tail '],
  ['\\.', '"\\."'],
  ['\\.x', '\\.x'],
  ["'single'", "'single'"],
])('writes %j as %s', (alias, field) => {
  expect(encodeCsvRow(keylessRecord({ alias }))).toContain(`,key-00000000;api-httpbin,${field},false,`)
})

it.each([
  [0, '%!Month(0)'],
  [3, 'March'],
  [12, 'December'],
])('names month %i %s', (month, name) => {
  expect(columnOf('Month', encodeCsvRow(keylessRecord({ month })))).toBe(name)
})

it('names files by the hour, without padding', () => {
  expect(csvFileName(new Date(2026, 2, 4, 5))).toBe('2026-March-4-5.csv')
})

it.each([
  ['UTC', '2020-01-10 20:18:53.123456789 +0000 UTC'],
  ['Asia/Kolkata', '2020-01-11 01:48:53.123456789 +0530 IST'],
  ['America/New_York', '2020-01-10 15:18:53.123456789 -0500 EST'],
  ['Europe/London', '2020-01-10 20:18:53.123456789 +0000 GMT'],
  ['Europe/Berlin', '2020-01-10 21:18:53.123456789 +0100 CET'],
  ['Asia/Dubai', '2020-01-11 00:18:53.123456789 +0400 +04'],
  ['Asia/Kathmandu', '2020-01-11 02:03:53.123456789 +0545 +0545'],
])('prints times in the zone of the process, here %s', (zone, time) => {
  process.env['TZ'] = zone
  expect(columnOf('TimeStamp', encodeCsvRow(keylessRecord()))).toBe(time)
  process.env['TZ'] = 'UTC'
})
