import type { GatewaySetup } from '../lib/programs/gateway.ts'
import { OTHER_LANES } from '../lib/programs/gateway.ts'
import type { PeerKind } from '../lib/programs/peers.ts'
import type { Sample } from '../lib/rounds.ts'
import { change, difference, ratio } from '../lib/statistics.ts'

/** A closed loop over programs that differ in configuration only. */
export interface LoadRow {
  readonly name: string
  readonly title: string
  /** In the order of their turns; the others are compared with the first. */
  readonly programs: readonly ProgramRow[]
  readonly request?: { readonly path?: string; readonly method?: string; readonly bodyBytes?: number }
  /** Instead of the number given on the command line. */
  readonly connections?: number
  /** The programs under test share the core of load and upstream. */
  readonly oneCore?: true
  /** How many times as many rounds, where little is to be told apart. */
  readonly roundsTimes?: number
  readonly measures?: readonly MeasureRow[]
}

export type ProgramRow =
  | { readonly name: string; readonly gateway: GatewaySetup; readonly spread?: number }
  | { readonly name: string; readonly peer: PeerKind; readonly tls?: boolean }

export interface MeasureRow {
  readonly id: string
  readonly ours: string
  readonly peer: string
  readonly figure: keyof Sample
  readonly compare: (ours: number, peer: number) => number
}

const ANALYTICS: GatewaySetup = { analytics: true }
const PLAIN: GatewaySetup = { analytics: false }

const gateway = (name: string, setup: GatewaySetup): ProgramRow => ({ name, gateway: setup })
/** The same gateway on each lane but the usual one. */
const lanes = (name: string, setup: GatewaySetup): ProgramRow[] =>
  OTHER_LANES.map((lane) => gateway(`${name}, lane ${lane}`, { ...setup, lane }))
const STOCK = 'stock @fastify/http-proxy'
const stock = (tls = false): ProgramRow => ({ name: STOCK, peer: 'stock', tls })
const nginx = (tls = false): ProgramRow => ({ name: 'nginx', peer: 'nginx', tls })
const haproxy = (tls = false): ProgramRow => ({ name: 'haproxy', peer: 'haproxy', tls })
const PEERS = [stock(), nginx(), haproxy()]
const throughput = (id: string, ours: string, peer: string, compare = ratio): MeasureRow => ({
  id,
  ours,
  peer,
  figure: 'perSecond',
  compare,
})

const UPSTREAM: ProgramRow = { name: 'straight to the upstream', peer: 'upstream' }
const IN_TURN = '1,000 APIs, requests to each in turn'
const BUSY = 'gateway, busy_poll_microseconds 200'
const ONE_CONNECTION = [gateway('gateway', ANALYTICS), UPSTREAM, ...lanes('gateway', ANALYTICS), ...PEERS]
const overUpstream = (id: string, ours: string): MeasureRow => ({
  id,
  ours,
  peer: UPSTREAM.name,
  figure: 'p50Ms',
  compare: difference,
})

export const LOAD_ROWS: readonly LoadRow[] = [
  {
    name: 'keyless',
    title: 'Keyless, no analytics',
    programs: [gateway('gateway', PLAIN), ...lanes('gateway', PLAIN), ...PEERS],
  },
  {
    name: 'keyless-analytics',
    title: 'Keyless, analytics on',
    programs: [gateway('gateway', ANALYTICS), ...lanes('gateway', ANALYTICS), ...PEERS],
    measures: [throughput('keyless-stock', 'gateway', STOCK), throughput('keyless-nginx', 'gateway', 'nginx')],
  },
  {
    name: 'analytics',
    title: 'Keyless, analytics on and off',
    programs: [gateway('gateway', ANALYTICS), gateway('gateway, analytics off', PLAIN)],
    roundsTimes: 4,
    measures: [throughput('analytics-throughput', 'gateway', 'gateway, analytics off', change)],
  },
  {
    name: 'jwt',
    title: 'JWT, policy, context variables, analytics on',
    programs: [
      gateway('gateway, JWT', { ...ANALYTICS, access: 'jwt' }),
      gateway('gateway, keyless', ANALYTICS),
      ...lanes('gateway, JWT', { ...ANALYTICS, access: 'jwt' }),
      ...PEERS,
    ],
    measures: [throughput('jwt', 'gateway, JWT', 'gateway, keyless')],
  },
  {
    name: 'token',
    title: 'Auth token, rate limit, quota, analytics on',
    programs: [
      gateway('gateway, auth token', { ...ANALYTICS, access: 'token' }),
      gateway('gateway, keyless', ANALYTICS),
      ...lanes('gateway, auth token', { ...ANALYTICS, access: 'token' }),
      ...PEERS,
    ],
  },
  {
    name: 'apis',
    title: 'Many APIs loaded, keyless, analytics on',
    programs: [
      gateway('1,000 APIs', { ...ANALYTICS, apis: 1000 }),
      gateway('2 APIs', ANALYTICS),
      gateway('100 APIs', { ...ANALYTICS, apis: 100 }),
      { name: IN_TURN, gateway: { ...ANALYTICS, apis: 1000 }, spread: 999 },
    ],
    roundsTimes: 3,
    measures: [throughput('apis', '1,000 APIs', '2 APIs'), throughput('apis-in-turn', IN_TURN, '2 APIs')],
  },
  {
    name: 'post',
    title: 'POST of 10 kB, keyless, analytics on',
    programs: [gateway('gateway', ANALYTICS), ...lanes('gateway', ANALYTICS), ...PEERS],
    request: { method: 'POST', bodyBytes: 10_000 },
  },
  {
    name: 'large',
    title: 'Answers of 1 MB, keyless, analytics on',
    programs: [gateway('gateway', ANALYTICS), ...lanes('gateway', ANALYTICS), ...PEERS],
    request: { path: 'large' },
    connections: 16,
  },
  {
    name: 'one-connection',
    title: 'One connection, keyless, analytics on',
    programs: ONE_CONNECTION,
    connections: 1,
    oneCore: true,
    measures: [overUpstream('one-connection', 'gateway')],
  },
  {
    name: 'one-connection-apart',
    title: 'One connection, keyless, analytics on, a core for each side',
    programs: [...ONE_CONNECTION, gateway(BUSY, { ...ANALYTICS, busyPollMicroseconds: 200 })],
    connections: 1,
    measures: [
      overUpstream('one-connection-apart', 'gateway'),
      overUpstream('one-connection-apart-busy', BUSY),
      overUpstream('one-connection-apart-nginx', 'nginx'),
    ],
  },
  {
    name: 'tls',
    title: 'TLS from clients, keyless, analytics on',
    programs: [
      gateway('gateway', { ...ANALYTICS, tls: true }),
      ...lanes('gateway', { ...ANALYTICS, tls: true }),
      stock(true),
      nginx(true),
      haproxy(true),
    ],
  },
]
