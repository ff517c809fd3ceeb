import { expect, test } from 'vitest'
import { apiWith, contextFor } from '../../test/support/steps.ts'
import { clientHeaders } from './response-headers.ts'

test('repeated CORS headers of the upstream all stay; one that the gateway set takes the place of them', () => {
  const ctx = contextFor(apiWith({}))
  ctx.answerHeaders.push('Access-Control-Allow-Origin', 'https://own.test')
  const upstream = [
    ['Access-Control-Allow-Origin', '*'],
    ['Access-Control-Allow-Methods', 'GET'],
    ['Access-Control-Allow-Methods', 'PUT'],
    ['Access-Control-Allow-Origin', 'https://upstream.test'],
  ].flat()
  const expected = [
    ['Access-Control-Allow-Origin', 'https://own.test'],
    ['Access-Control-Allow-Methods', 'GET'],
    ['Access-Control-Allow-Methods', 'PUT'],
  ].flat()
  expect(clientHeaders(ctx, upstream, true, true, null, false).pairs).toEqual(expected)
})
