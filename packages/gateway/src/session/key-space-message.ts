import { hash } from 'node:crypto'

/** Channel on which the gateways of a cluster talk. */
export const CLUSTER_CHANNEL = 'tyk.cluster.notifications'

/** Names the algorithm of the signature: SHA-256. */
const SIGNATURE_SHA256 = 5

/** Tells every gateway to forget its cached copy of a session. */
export const keySpaceUpdateMessage = (cacheKey: string, nodeSecret: string): string =>
  signedMessage('KeySpaceUpdateNotification', cacheKey, nodeSecret)

/** Tells every gateway to fetch the key sets of an API anew. */
export const jwksInvalidMessage = (apiId: string, nodeSecret: string): string =>
  signedMessage('InvalidateJWKSCacheForAPI', apiId, nodeSecret)

function signedMessage(command: string, payload: string, nodeSecret: string): string {
  const signature = hash('sha256', command + payload + nodeSecret)
  return JSON.stringify({ command, payload, signature, algorithm: SIGNATURE_SHA256 })
}

/** The cache keys that such a message names. */
export const cacheKeysOf = (payload: string): string[] =>
  payload
    .split(',')
    .map((part) => part.split(':')[0] as string)
    .filter((key) => key !== '')
