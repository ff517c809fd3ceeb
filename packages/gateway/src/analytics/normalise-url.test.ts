import { expect, test } from 'vitest'
import { pino } from 'pino'
import { fromByteString, toByteString } from '../byte-string.ts'
import { buildUrlNormaliser } from './normalise-url.ts'

const NONE = { normalise_uuids: false, normalise_ulids: false, normalise_numbers: false }

const normalised = (patterns: readonly string[], path: string): string | undefined =>
  buildUrlNormaliser({ enabled: true, ...NONE, custom_patterns: patterns }, pino({ level: 'silent' }))?.(path)

test.each([
  ['café', '/café/x', '/{var}/x'],
  ['/.$', '/ü', '{var}'],
  [String.raw`\pL+`, '/añb/1', '/{var}/1'],
  ['nothing', '/ü', '/ü'],
])('a custom pattern %s is about the characters of %s', (pattern, path, expected) => {
  expect(fromByteString(normalised([pattern], toByteString(path)) ?? '')).toBe(expected)
})

test('bytes that are no text stay as they are where no pattern matches', () => {
  expect(normalised(['z'], '/\u00ff')).toBe('/\u00ff')
})
