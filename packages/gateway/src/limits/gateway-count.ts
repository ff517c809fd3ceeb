import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { readObject } from '../session/go-json.ts'

/** How gateways that divide limits announce themselves to each other; Go's literal names. */
export const DRL_COMMAND = 'NoticeGatewayDRLNotification'

const FORGET_AFTER_MS = 4000

export interface GatewayCountOptions {
  readonly now: () => number
  /** Milliseconds between announcements; 0: this gateway does not announce itself. */
  readonly announceEveryMs: number
  /** Segment tags of this gateway, joined: those with other tags do not share its limits. */
  readonly tagHash: string
  /** Processes of this gateway, which share its limits from the start, whether they can be heard or not. */
  readonly processes: number
  readonly publish: (command: string, payload: string) => Promise<void>
}

/** The gateways that share limits, as far as they have been heard lately. */
export interface GatewayCount {
  /** This one among them, so at least one. */
  readonly current: number
  /** Takes the payload of an announcement. */
  hear(payload: string): void
  start(): void
  close(): void
}

export function createGatewayCount(options: GatewayCountOptions): GatewayCount {
  const { now, announceEveryMs, tagHash, processes, publish } = options
  const id = `solo-${randomUUID()}`
  const heardAtMs = new Map<string, number>()
  let current = processes
  let timer: NodeJS.Timeout | null = null

  const recount = (): void => {
    const oldest = now() - FORGET_AFTER_MS
    for (const [name, at] of heardAtMs) if (at < oldest) heardAtMs.delete(name)
    current = Math.max(processes, heardAtMs.size)
  }
  const announce = (): void => {
    recount()
    const self = { HostName: hostname(), ID: id, LoadPerSec: 0, Percentage: 0, TagHash: tagHash }
    void publish(DRL_COMMAND, JSON.stringify(self))
  }

  return {
    get current() {
      return current
    },
    hear(payload) {
      const announced = parse(payload)
      if (announced === null || announced.tagHash !== tagHash) return
      heardAtMs.set(announced.name, now())
      recount()
    },
    start() {
      timer = setInterval(announceEveryMs > 0 ? announce : recount, announceEveryMs || FORGET_AFTER_MS).unref()
    },
    close() {
      if (timer !== null) clearInterval(timer)
    },
  }
}

function parse(payload: string): { readonly name: string; readonly tagHash: string } | null {
  try {
    const from = readObject(JSON.parse(payload) as unknown)
    const id = from.string('ID')
    return id === '' ? null : { name: `${id}|${from.string('HostName')}`, tagHash: from.string('TagHash') }
  } catch {
    return null
  }
}
