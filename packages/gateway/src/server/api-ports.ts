import type { GatewayConfig } from '../config/schema.ts'
import type { Gate } from '../gate.ts'
import type { Log } from '../log/log.ts'
import type { ApiSet } from '../reload/api-set.ts'
import type { PortProtocol } from '../reload/ports.ts'
import { ServerCertificates, type ServerTlsSettings } from './certificates.ts'
import { createListener, type Listener } from './listener.ts'

export interface ApiPortsOptions {
  readonly config: GatewayConfig
  readonly log: Log
  readonly tls: ServerTlsSettings
  /** A gate that routes to the APIs of one port. */
  createGate(port: number): Gate
}

/** What requests in flight get when a reload no longer needs their listener. */
const CLOSE_DEADLINE_MS = 10_000

interface OpenPort {
  readonly protocol: PortProtocol
  readonly gate: Gate
  readonly listener: Listener
  readonly certificates: ServerCertificates | null
}

/** The listeners of APIs with a port of their own. A reload opens and closes them; they carry no control API. */
export class ApiPorts {
  readonly #options: ApiPortsOptions
  readonly #open = new Map<number, OpenPort>()
  readonly #closing = new Set<Promise<void>>()

  constructor(options: ApiPortsOptions) {
    this.#options = options
  }

  /** Gives every listener the new set, closes those it has no API for, and opens what is missing. */
  async apply(apis: ApiSet): Promise<void> {
    for (const [port, { protocol, gate, certificates }] of this.#open) {
      const wanted = apis.ports.get(port)
      gate.replace(apis)
      if (wanted !== undefined) certificates?.follow(wanted)
      if (wanted?.protocol !== protocol) this.#close(port, CLOSE_DEADLINE_MS)
    }
    for (const [port, { protocol }] of apis.ports) if (!this.#open.has(port)) await this.#listen(port, protocol, apis)
  }

  async close(deadlineMs: number): Promise<void> {
    for (const port of this.#open.keys()) this.#close(port, deadlineMs)
    await Promise.all(this.#closing)
  }

  async #listen(port: number, protocol: PortProtocol, apis: ApiSet): Promise<void> {
    const { config, log, tls } = this.#options
    const certificates = protocol === 'https' ? new ServerCertificates({ settings: tls, log }) : null
    const wanted = apis.ports.get(port)
    if (wanted !== undefined) certificates?.follow(wanted)
    const gate = this.#options.createGate(port)
    gate.replace(apis)
    let listener: Listener
    try {
      listener = await createListener({ config, log, gate, routes: null, certificates })
      await listener.listen(port, config.listen_address)
    } catch (err) {
      // The next reload tries again.
      log.error({ err, port, protocol }, "Can't start listener")
      return
    }
    log.info({ port, protocol }, 'Listener of an API opened')
    this.#open.set(port, { protocol, gate, listener, certificates })
  }

  #close(port: number, deadlineMs: number): void {
    const { listener, protocol } = this.#open.get(port) as OpenPort
    this.#open.delete(port)
    const closing = listener.close(deadlineMs).finally(() => this.#closing.delete(closing))
    this.#closing.add(closing)
    this.#options.log.info({ port, protocol }, 'Listener of an API closed')
  }
}
