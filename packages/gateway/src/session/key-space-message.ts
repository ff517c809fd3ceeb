import { hash } from 'node:crypto'

/** Channel on which the gateways of a cluster talk. */
export const CLUSTER_CHANNEL = 'tyk.cluster.notifications'

/** Names the algorithm of the signature: SHA-256. */
const SIGNATURE_SHA256 = 5

/** Tells every gateway to forget its cached copy of a session. */
export function keySpaceUpdateMessage(cacheKey: string, nodeSecret: string): string {
  const command = 'KeySpaceUpdateNotification'
  const signature = hash('sha256', command + cacheKey + nodeSecret)
  return JSON.stringify({ command, payload: cacheKey, signature, algorithm: SIGNATURE_SHA256 })
}

/** The cache keys that such a message names. */
export const cacheKeysOf = (payload: string): string[] =>
  payload
    .split(',')
    .map((part) => part.split(':')[0] as string)
    .filter((key) => key !== '')
