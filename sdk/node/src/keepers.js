// Who keeps the sessions of this process: it, or, where it is a worker of node:cluster, the primary for all.
'use strict'

const cluster = require('node:cluster')

const { Keeper } = require('./keeper')
const { RemoteKeeper, keepFor } = require('./cluster')

/** `name`: the same in the primary and its workers. The rest: as for Keeper. Throws Error under pm2's cluster. */
function keeperFor (name, options) {
  if (cluster.isWorker) {
    if ('pm_id' in process.env) {
      throw new Error(
        "pm2's cluster mode has no place for sessions that several processes share: use `exec_mode: fork`, and " +
        "run each instance on a port of its own, as a node of its own in Limpet's configuration"
      )
    }
    return new RemoteKeeper(name)
  }
  const keeper = new Keeper(options)
  keepFor(name, keeper)
  return keeper
}

module.exports = { keeperFor }
