// The sessions of one app server: lets requests in, saves what they wrote, answers the endpoint.
'use strict'

const rules = require('./rules')
const { Endpoint } = require('./endpoint')
const { MemoryStorage } = require('./memory')
const { mark } = require('./record')
const { Running } = require('./running')

/** Seconds since some moment: monotonic, and the same for all that use one keeper. */
const monotonic = () => performance.now() / 1000

/**
 * In this process's memory. Each method but `leave` calls `done(error, result)`, before it returns where it can:
 * another keeper with the same methods asks one in another process.
 */
class Keeper {
  /** `maxState`: bytes; `fenceSeconds`: how long requests under way may hold up a fence. */
  constructor ({ format, maxState, fenceSeconds, clock = monotonic }) {
    this._storage = new MemoryStorage()
    this._running = new Running()
    this._endpoint = new Endpoint(this._storage, clock, maxState)
    this._merge = format.merge
    this._fenceSeconds = fenceSeconds
    this._clock = clock
  }

  /** Let a request in: {ticket}, or {need, mark} where it is not. Who was let in has to `leave` once. */
  admit (request, done) {
    const now = this._clock()
    if (!this._running.enter(request.id)) {
      const held = this._storage.find(request.id, now)
      return done(null, { need: 'state', mark: held ? mark(held) : 0 })
    }
    const outcome = this._storage.change(request.id, now, record => rules.admit(record, request, now))
    if (outcome.need) this._running.leave(request.id)
    done(null, outcome)
  }

  /** Save what a request wrote: {version, state} as the session now is; null: discarded. */
  save ({ id, ttl }, ticket, write, done) {
    const now = this._clock()
    attempt(done, () => this._storage.change(id, now, record =>
      rules.save(record, ticket, write, this._merge, ttl, now)))
  }

  /** The same under a new id; the old one ends. */
  renew ({ id, ttl }, ticket, write, newId, done) {
    const now = this._clock()
    attempt(done, () => this._storage.renew(id, newId, now, record =>
      rules.renew(record, ticket, write, this._merge, ttl, now)))
  }

  /** The app logged out; false: discarded. */
  end ({ id, ttl }, ticket, done) {
    const now = this._clock()
    done(null, this._storage.change(id, now, record => rules.leave(record, ticket, ttl, now)))
  }

  /** The session as it now is: {version, state}; null: it has ended or moved on. */
  reload ({ id }, ticket, done) {
    const record = this._storage.find(id, this._clock())
    done(null, rules.valid(record, ticket) ? { version: record.version, state: record.state } : null)
  }

  /** A request's head has been sent, or never will be. */
  leave ({ id }) {
    this._running.leave(id)
  }

  /** A call of the endpoint; the reply, once requests of what it fences have sent their heads. */
  call (call, done) {
    const plan = this._endpoint.plan(call)
    this._running.wait(plan.fences, this._fenceSeconds, () => done(null, plan.run()))
  }
}

function attempt (done, what) {
  let result
  try {
    result = what()
  } catch (error) {
    return done(error)
  }
  done(null, result)
}

module.exports = { Keeper }
