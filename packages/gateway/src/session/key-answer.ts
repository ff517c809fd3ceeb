import { formatGoJson } from './go-json.ts'

/** What the control API answers: a status and JSON text, ending with a line break as Go's encoder leaves it. */
export interface KeyAnswer {
  readonly status: number
  readonly body: string
}

export const jsonAnswer = (status: number, json: unknown): KeyAnswer => ({ status, body: `${formatGoJson(json)}\n` })

export const errorAnswer = (status: number, message: string): KeyAnswer =>
  jsonAnswer(status, { status: 'error', message })

export type KeyAction = 'added' | 'modified' | 'updated' | 'deleted'

/** @param keyHash - shown when a key was made and keys are hashed. */
export const doneAnswer = (key: string, action: KeyAction, keyHash: string | null = null): KeyAnswer =>
  jsonAnswer(200, { key, status: 'ok', action, ...(keyHash === null ? {} : { key_hash: keyHash }) })
