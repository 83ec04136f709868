// Several processes as one node: workers of node:cluster ask their primary, which keeps the sessions of all.
'use strict'

const cluster = require('node:cluster')
const v8 = require('node:v8')

const errors = require('./errors')

const TAG = 'limpet-session'
const PATIENCE_SECONDS = 5
const kept = new Map() // in the primary: keepers by name

/** A keeper that asks the one of the same name in the primary; see Keeper for what it does. */
class RemoteKeeper {
  constructor (name) {
    this._name = name
    this._asked = new Map() // callbacks by number
    this._number = 0
    process.on('message', message => this._answered(message))
    const patience = setTimeout(() => {
      throw new Error(
        "this is a worker of node:cluster, and its primary keeps no sessions: create the same limpetSession({...}) " +
        'there, before the workers'
      )
    }, PATIENCE_SECONDS * 1000)
    this._ask('hello', [], () => clearTimeout(patience))
  }

  admit (request, done) {
    this._ask('admit', [request], done)
  }

  save (request, ticket, write, done) {
    this._ask('save', [request, ticket, write], done)
  }

  renew (request, ticket, write, newId, done) {
    this._ask('renew', [request, ticket, write, newId], done)
  }

  end (request, ticket, done) {
    this._ask('end', [request, ticket], done)
  }

  reload (request, ticket, done) {
    this._ask('reload', [request, ticket], done)
  }

  leave ({ id }) {
    this._ask('leave', [{ id }], () => {})
  }

  call (call, done) {
    this._ask('call', [call], done)
  }

  _ask (what, given, done) {
    const number = ++this._number
    this._asked.set(number, done)
    const told = { [TAG]: this._name, number, what, given: pack(given) }
    process.send(told, error => error && this._over(number, error))
  }

  _answered (message) {
    if (!message || message[TAG] !== this._name) return
    const { error, result } = unpack(message.told)
    this._over(message.number, error && revived(error), result)
  }

  _over (number, error, result) {
    const done = this._asked.get(number)
    this._asked.delete(number)
    if (done) done(error || null, result)
  }
}

/** In the primary: answer what workers ask of the keeper of that name. */
function keepFor (name, keeper) {
  if (!kept.size) {
    const guests = new Map() // by worker: how often each session is let in there
    cluster.on('message', (worker, message) => hear(worker, message, guests))
    cluster.on('exit', worker => depart(worker, guests))
  }
  kept.set(name, keeper)
}

function hear (worker, message, guests) {
  const name = message && message[TAG]
  const keeper = kept.get(name)
  if (!keeper) return
  const { number, what } = message
  const given = unpack(message.given)
  const tell = (error, result) => {
    if (what === 'admit' && result.ticket) count(guests, worker, keeper, given[0].id, 1)
    const told = pack({ error: error && { name: error.name, message: error.message }, result })
    if (worker.isConnected()) worker.send({ [TAG]: name, number, told })
  }
  if (what === 'hello') return tell(null)
  if (what !== 'leave') return keeper[what](...given, tell)
  count(guests, worker, keeper, given[0].id, -1)
  keeper.leave(given[0])
  tell(null)
}

function count (guests, worker, keeper, id, by) {
  if (!guests.has(worker.id)) guests.set(worker.id, new Map())
  const inside = guests.get(worker.id)
  const { times } = inside.get(id) || { times: 0 }
  if (times + by > 0) inside.set(id, { keeper, times: times + by })
  else inside.delete(id)
}

/** A worker has died: its requests will send no heads. */
function depart (worker, guests) {
  for (const [id, { keeper, times }] of guests.get(worker.id) || []) {
    for (let left = times; left > 0; left--) keeper.leave({ id })
  }
  guests.delete(worker.id)
}

// A text, so that it does not matter how the app's workers serialize their messages.
const pack = value => v8.serialize(value).toString('latin1')
const unpack = text => v8.deserialize(Buffer.from(text, 'latin1'))

function revived ({ name, message }) {
  const error = new Error(message)
  return errors[name] ? Object.setPrototypeOf(error, errors[name].prototype) : error
}

module.exports = { RemoteKeeper, keepFor }
