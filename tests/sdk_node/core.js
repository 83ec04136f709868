// The SDK's core behind a pipe: a line in is a list of things to do, as JSON, and a line out is what came of each.
'use strict'

const readline = require('node:readline')

const { Malformed } = require('../../sdk/node/src/errors')
const { Format } = require('../../sdk/node/src/format')
const headers = require('../../sdk/node/src/headers')
const { Keeper } = require('../../sdk/node/src/keeper')
const { Counters, Visit } = require('../../sdk/node/src/visit')

process.emitWarning = () => {} // discarded saves are what this is about

const maxState = 100
const format = new Format()
const visits = new Map()
let now, ids, keeper, shared

const newId = () => `renewed${String(++ids).padStart(14, '0')}A`

const deeds = {
  reset () {
    now = 1000
    ids = 0
    keeper = new Keeper({ format, maxState, fenceSeconds: 0, clock: () => now })
    shared = { keeper, format, maxState, newId, counters: new Counters() }
    visits.clear()
    return {}
  },
  wait ({ seconds }) {
    now += seconds
    return {}
  },
  ask ({ visit, fields }) {
    let request
    try {
      request = headers.readRequest(fields)
    } catch (error) {
      if (error instanceof Malformed) return { malformed: true }
      throw error
    }
    let told
    keeper.admit(request, (_, outcome) => { told = outcome })
    if (told.need) return told
    try {
      visits.set(visit, new Visit(shared, request, told.ticket))
    } catch {
      keeper.leave(request)
      return { unreadable: true }
    }
    return { version: told.ticket.version, state: told.ticket.state.toString() }
  },
  set ({ visit, key, value }) {
    visits.get(visit).session[key] = value
    return {}
  },
  remove ({ visit, key }) {
    delete visits.get(visit).session[key]
    return {}
  },
  finish ({ visit, how }) {
    const life = visits.get(visit)
    visits.delete(visit)
    if (how === 'end') life.destroy()
    if (how === 'renew') {
      const kept = { ...life.session }
      life.regenerate()
      Object.assign(life.session, kept)
    }
    const settle = () => {
      let told
      life.finish(life.session, (error, answer) => { told = error ? { ...settle(), error: true } : answer })
      return told
    }
    const told = settle()
    life.leave()
    return told
  },
  call ({ method, path, query, fields, body }) {
    // Without waiting for the requests under way, of which nobody here would send a head meanwhile.
    const told = keeper._endpoint.plan({ method, path, query, fields, body: Buffer.from(body) }).run()
    const headers = 'Limpet-Node' in told.headers ? { ...told.headers, 'Limpet-Node': 'x' } : told.headers // random
    return { status: told.status, headers, body: told.body.toString() }
  }
}

readline.createInterface({ input: process.stdin }).on('line', line => {
  const did = JSON.parse(line).map(({ does, ...given }) => {
    try {
      return deeds[does](given)
    } catch (error) {
      return { broke: error.stack }
    }
  })
  process.stdout.write(JSON.stringify(did) + '\n')
})

