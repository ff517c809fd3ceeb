// Loaded into the workers of a gateway under test: one is killed the moment it opens a port, or never gets to it.
import cluster from 'node:cluster'
import { Server } from 'node:net'

const fate = JSON.parse(process.env.TEK_TEST_AT_LISTEN)[cluster.worker?.id]

if (fate === 'die') Server.prototype.listen = () => process.kill(process.pid, 'SIGKILL')
if (fate === 'hang') Server.prototype.listen = () => {}
