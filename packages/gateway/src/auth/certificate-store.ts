// Hot path.
import { createPublicKey, X509Certificate, type KeyObject } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Log } from '../log/log.ts'
import type { RedisStores } from '../redis/stores.ts'
import { BoundedMap } from './bounded-map.ts'
import { createCountedLog } from './counted-log.ts'

/** What a PEM text holds. Private keys are not looked at. */
export interface StoredPem {
  /** In their order: a certificate, then its chain; or several authorities. */
  readonly certificates: readonly X509Certificate[]
  /** Of a block `PUBLIC KEY`. */
  readonly publicKey: KeyObject | null
}

/**
 * Certificates and public keys by id: the id of one in Redis, the path of a PEM file, or the PEM text itself. Copies are
 * used for ten seconds, longer while their source cannot be read.
 */
export interface CertificateStore {
  /** Null: there is none; undefined: only `find` can tell. */
  peek(id: string): StoredPem | null | undefined
  find(id: string): Promise<StoredPem | null>
  forget(id: string): void
  /** Has everything read again when it is next asked for; what cannot be read then goes on as it was. */
  refresh(): void
}

export interface CertificateStoreDeps {
  readonly redis: Pick<RedisStores, 'main' | 'isUp'>
  readonly log: Log
  readonly now: () => number
}

/** In front of the id of every certificate in Redis. */
export const CERTIFICATE_PREFIX = 'cert-raw-'

const TTL_MS = 10_000
const MAX_REMEMBERED = 4096
/** The end of every id: SHA-256 of the certificate, behind the organisation. */
const STORE_ID = /[0-9a-f]{64}$/i
const BLOCK = /-----BEGIN (CERTIFICATE|PUBLIC KEY)-----[^-]+-----END \1-----/g

interface Entry {
  readonly pem: StoredPem | null
  readonly readAtMs: number
  /** Of the store, when it was read. */
  readonly generation: number
}

export function createCertificateStore({ redis, log, now }: CertificateStoreDeps): CertificateStore {
  const entries = new BoundedMap<string, Entry>(MAX_REMEMBERED)
  const running = new Map<string, Promise<StoredPem | null>>()
  const failures = createCountedLog(log, 'error', now)
  let generation = 0

  /** Null: it is not there. Rejects when that cannot be told. */
  async function readText(id: string): Promise<string | null> {
    if (id.includes('-----BEGIN')) return id
    if (!STORE_ID.test(id)) return readFileIfThere(id)
    if (!redis.isUp) throw new Error('Redis is not reachable')
    return redis.main.get(CERTIFICATE_PREFIX + id)
  }

  async function read(id: string): Promise<StoredPem | null> {
    const begun = generation
    try {
      const text = await readText(id)
      const pem = text === null ? null : parsePem(text)
      entries.set(id, { pem, readAtMs: now(), generation: begun })
      return pem
    } catch (err) {
      failures.note('certificate cannot be read', () => ({ reason: (err as Error).message }))
      return entries.get(id)?.pem ?? null
    }
  }

  return {
    peek(id) {
      const entry = entries.get(id)
      const isCurrent = entry?.generation === generation && now() - entry.readAtMs < TTL_MS
      return isCurrent ? entry.pem : undefined
    },
    find(id) {
      let reading = running.get(id)
      if (reading === undefined) {
        const begun = read(id).finally(() => {
          if (running.get(id) === begun) running.delete(id)
        })
        reading = begun
        running.set(id, reading)
      }
      return reading
    },
    forget: (id) => entries.delete(id),
    refresh() {
      generation++
      // What is being read may be what was there before.
      running.clear()
    },
  }
}

async function readFileIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch (err) {
    if (['ENOENT', 'ENOTDIR', 'ENAMETOOLONG', 'EISDIR'].includes((err as NodeJS.ErrnoException).code ?? '')) return null
    throw err
  }
}

/** @throws when a block does not hold what it says. */
export function parsePem(text: string): StoredPem {
  const certificates: X509Certificate[] = []
  let publicKey: KeyObject | null = null
  for (const [block, kind] of text.matchAll(BLOCK)) {
    if (kind === 'CERTIFICATE') certificates.push(new X509Certificate(block))
    else publicKey ??= createPublicKey(block)
  }
  return { certificates, publicKey }
}
