import {
  makeGenericClientConstructor,
  Server,
  type ChannelCredentials,
  type Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  type ClientUnaryCall,
  type ClientWritableStream,
  type Metadata,
  type requestCallback,
  type sendUnaryData,
  type ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
} from '@grpc/grpc-js'

const bytes = (value: Buffer): Buffer => value

const method = (name: string, requestStream: boolean, responseStream: boolean) => ({
  path: `/echo.Echo/${name}`,
  requestStream,
  responseStream,
  requestSerialize: bytes,
  requestDeserialize: bytes,
  responseSerialize: bytes,
  responseDeserialize: bytes,
})

/** A service whose messages are plain bytes, so that no protobuf definition is needed. */
const service: ServiceDefinition = {
  unary: method('Unary', false, false),
  serverStream: method('ServerStream', false, true),
  clientStream: method('ClientStream', true, false),
  both: method('Both', true, true),
}

export interface EchoHandlers {
  unary?(call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>): void
  serverStream?(call: ServerWritableStream<Buffer, Buffer>): void
  clientStream?(call: ServerReadableStream<Buffer, Buffer>, answer: sendUnaryData<Buffer>): void
  both?(call: ServerDuplexStream<Buffer, Buffer>): void
}

export interface EchoClient extends Client {
  unary(message: Buffer, metadata: Metadata, answer: requestCallback<Buffer>): ClientUnaryCall
  serverStream(message: Buffer): ClientReadableStream<Buffer>
  clientStream(answer: requestCallback<Buffer>): ClientWritableStream<Buffer>
  both(): ClientDuplexStream<Buffer, Buffer>
}

export interface EchoServer extends AsyncDisposable {
  readonly port: number
}

export async function startEchoServer(credentials: ServerCredentials, handlers: EchoHandlers): Promise<EchoServer> {
  const server = new Server()
  server.addService(service, { ...handlers })
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', credentials, (err, bound) => (err === null ? resolve(bound) : reject(err)))
  })
  return {
    port,
    async [Symbol.asyncDispose]() {
      server.forceShutdown()
    },
  }
}

export function connectEcho(address: string, credentials: ChannelCredentials): EchoClient {
  return new (makeGenericClientConstructor(service, 'Echo'))(address, credentials) as unknown as EchoClient
}
