import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { apiWith, contextFor, depsWith, outcomeOf } from '../../../test/support/steps.ts'
import { generateKey } from '../../auth/key-format.ts'
import { emptySession } from '../../session/session.ts'
import { compileSignatureCheck } from './signature.ts'

const NOW = 1_700_000_000
const sign = (text: string, algorithm = 'sha256'): string => createHash(algorithm).update(text).digest('hex')

function check(options: object, headers: string[], { query = '', token = 'my-key', meta = {} } = {}): string {
  const api = apiWith({
    auth: {
      validate_signature: true,
      signature: { algorithm: 'MasherySHA256', header: 'X-Signature', secret: 'secret', ...options },
    },
  })
  const step = compileSignatureCheck(api.definition.auth, api, depsWith({ clock: { ms: NOW * 1000 + 999 } }))
  const ctx = contextFor(api, { headers, query })
  ctx.session = { ...emptySession(), meta_data: meta }
  return outcomeOf(step?.(ctx, token))
}

const FAILED = '401 Request signature verification failed'

describe('the signature beside a key', () => {
  test('is not looked at unless the definition says so', () => {
    const api = apiWith({})
    expect(compileSignatureCheck(api.definition.auth, api, depsWith())).toBeNull()
  })

  test.each<[string, object, string, object]>([
    ['over key, secret and second', {}, sign(`my-keysecret${NOW}`), {}],
    ['in capital letters', {}, sign(`my-keysecret${NOW}`).toUpperCase(), {}],
    ['with MD5', { algorithm: 'MasheryMD5' }, sign(`my-keysecret${NOW}`, 'md5'), {}],
    ['over the id of a key', {}, sign(`my-idsecret${NOW}`), { token: generateKey('default', 'my-id', 'murmur64') }],
    ['over a key without its organisation', {}, sign(`my-idsecret${NOW}`), { token: 'defaultmy-id' }],
    ['with the secret of the key', { secret: '$tyk_meta.s' }, sign(`my-keyünique${NOW}`), { meta: { s: 'ünique' } }],
    ['a second late', { allowed_clock_skew: 1 }, sign(`my-keysecret${NOW - 1}`), {}],
    ['a second early', { allowed_clock_skew: 1 }, sign(`my-keysecret${NOW + 1}`), {}],
  ])('is good %s', (_, options, signature, request) => {
    expect(check(options, ['X-Signature', signature], request)).toBe('passed')
  })

  test.each<[string, object, string[], object]>([
    ['missing', {}, [], {}],
    ['empty', {}, ['X-Signature', ''], {}],
    ['with another secret', {}, ['X-Signature', sign(`my-keyother${NOW}`)], {}],
    ['of another key', {}, ['X-Signature', sign(`key-2secret${NOW}`)], {}],
    ['too late', { allowed_clock_skew: 1 }, ['X-Signature', sign(`my-keysecret${NOW - 2}`)], {}],
    ['with no skew, a second late', {}, ['X-Signature', sign(`my-keysecret${NOW - 1}`)], {}],
    ['with a secret that the key does not have', { secret: '$tyk_meta.s' }, ['X-Signature', sign(`my-key${NOW}`)], {}],
    ['without a secret', { secret: '' }, ['X-Signature', sign(`my-key${NOW}`)], {}],
    [
      'with a reference that led to nothing',
      { secret: 'vault://s' },
      ['X-Signature', sign(`my-keyvault://s${NOW}`)],
      {},
    ],
    [
      'with a reference in the middle that led to nothing',
      { secret: 'a-vault://s' },
      ['X-Signature', sign(`my-keya-vault://s${NOW}`)],
      {},
    ],
    ...['$kv{vault:a#b}', '$secret_consul.a', '$secret_conf.a', '$secret_env.A'].map(
      (variable): [string, object, string[], object] => [
        `with ${variable}, which is empty, beside a known text`,
        { secret: `a-${variable}` },
        ['X-Signature', sign(`my-keya-${NOW}`)],
        {},
      ],
    ),
    ['with a variable that is empty', { secret: '$secret_vault.a.b' }, ['X-Signature', sign(`my-key${NOW}`)], {}],
    ['in a parameter that is not named', {}, [], { query: `X-Signature=${sign(`my-keysecret${NOW}`)}` }],
  ])('is refused %s', (_, options, headers, request) => {
    expect(check(options, headers, request)).toBe(FAILED)
  })

  test('may come as a parameter, which goes before the header', () => {
    const good = sign(`my-keysecret${NOW}`)
    expect(check({ use_param: true }, [], { query: `X-Signature=${good}` })).toBe('passed')
    expect(check({ param_name: 'sig' }, ['X-Signature', 'bad'], { query: `sig=${good}` })).toBe('passed')
    expect(check({ param_name: 'sig' }, ['X-Signature', good], { query: 'sig=bad' })).toBe(FAILED)
    expect(check({ param_name: 'sig' }, ['X-Signature', good], { query: 'sig=' })).toBe('passed')
  })

  test('is answered as the definition says', () => {
    expect(check({ error_code: 418, error_message: 'no' }, [])).toBe('418 no')
  })

  test('with an algorithm that nobody knows refuses every key', () => {
    expect(check({ algorithm: 'sha256' }, ['X-Signature', sign(`my-keysecret${NOW}`)])).toBe(
      '500 internal server error',
    )
  })
})
