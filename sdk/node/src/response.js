// Holds an HTTP response back until its session is settled: whoever writes the first byte waits for that.
'use strict'

const { isOurs } = require('./headers')
const { warn } = require('./warning')

// OPEN: nothing has been written. HOLDING: something has, and waits. SENT: everything passes. DROPPED: it has
// been answered in the app's place, and what the app still writes goes nowhere.
const OPEN = 0
const HOLDING = 1
const SENT = 2
const DROPPED = 3

const HELD = Symbol('limpet-session response')
const NAMES = ['writeHead', 'write', 'end', 'flushHeaders']
// The same functions for all responses: V8 makes a dictionary of one that has accessors of its own, and all that
// Node.js and Express then do with it is slower, 10 to 20 µs in a request.
const FRONTS = Object.fromEntries(NAMES.map(name => [name, front(name)]))
const SENT_ALREADY = { configurable: true, get () { return this[HELD]._phase !== OPEN } }

/** An http.ServerResponse. */
class Response {
  constructor (res) {
    this._res = res
    this._phase = OPEN
    this._waiting = [] // what was called while the head waits: [function, arguments]
    this._told = null // what the head is to say: {headers, status}
    this._own = null // the response's methods, as they were
    this._instead = null // what others have put in their place later
  }

  /** Answer in the app's place: {status, headers, body}. */
  reply ({ status, headers, body }) {
    const length = status === 204 ? {} : { 'Content-Length': body.length }
    this._res.writeHead(status, { ...headers, ...length })
    this._res.end(body)
  }

  /**
   * From now on: before the head goes out, `settle(done)` is asked what to add, `done(error, {headers, status})`,
   * status 0 for the app's own. An error is thrown where the app wrote, and nothing has been sent then; one
   * that comes later is answered 500.
   */
  hold (settle) {
    const res = this._res
    const { writeHead, write, end, flushHeaders } = res
    this._settle = settle
    this._own = { writeHead, write, end, flushHeaders }
    res[HELD] = this
    for (const name of NAMES) Object.defineProperty(res, name, FRONTS[name])
    Object.defineProperty(res, 'headersSent', SENT_ALREADY)
  }

  /** Called once the response is over, sent or not. */
  onClose (what) {
    this._res.once('close', what)
  }

  _pass (name, behind, given) {
    if (this._phase === OPEN) this._begin()
    if (this._phase === SENT) return behind.apply(this._res, given)
    if (this._phase === HOLDING) this._waiting.push([behind, given])
    return name === 'write' ? this._phase === DROPPED : this._res
  }

  _begin () {
    this._phase = HOLDING
    let inside = true
    let thrown = null
    this._settle((error, told) => {
      if (!error) return this._release(told)
      if (!inside) return this._fail(error)
      this._phase = OPEN
      thrown = error
    })
    inside = false
    if (thrown) throw thrown
  }

  _release (told) {
    this._told = told
    this._phase = SENT
    if (!this._waiting.length) return
    for (const [method, given] of this._waiting.splice(0)) method.apply(this._res, given)
    if (!this._res.writableEnded) this._res.emit('drain')
  }

  /** Past everything that the app has put in between. */
  _fail (error) {
    warn(error)
    this._settle((_, { headers }) => { this._told = { headers, status: 500 } })
    this._phase = DROPPED
    this._waiting = []
    for (const name of this._res.getHeaderNames()) this._res.removeHeader(name)
    this._head([500])
    this._own.end.call(this._res, 'Internal Server Error\n')
  }

  /** `writeHead`, as what is told changes it. */
  _head ([code, reason, headers]) {
    const res = this._res
    if (typeof reason === 'string') res.statusMessage = reason
    else headers ??= reason
    if (headers) for (const [name, value] of entries(headers)) res.setHeader(name, value)
    for (const name of res.getHeaderNames()) if (isOurs(name)) res.removeHeader(name)
    const told = this._told.headers
    for (const name in told) res.setHeader(name, told[name])
    if (this._told.status) res.statusMessage = ''
    return this._own.writeHead.call(res, this._told.status || code)
  }
}

/**
 * Stays in front of a method, also of what others put in its place later. A compression that has begun when an
 * error is thrown behind it would go on with the error's page.
 */
function front (name) {
  const behind = name === 'writeHead' ? head : function (...given) { return this[HELD]._own[name].apply(this, given) }
  function first (...given) {
    return this[HELD]._pass(name, behind, given)
  }
  return {
    configurable: true,
    get () {
      return this[HELD]._instead?.[name] ?? first
    },
    set (other) {
      const held = this[HELD]
      held._instead ??= {}
      held._instead[name] = (...given) => held._pass(name, other, given)
    }
  }
}

function head (...given) {
  return this[HELD]._head(given)
}

/** Headers as `writeHead` takes them: an object, or a list, flat or of pairs, in which names may come again. */
function entries (headers) {
  if (!Array.isArray(headers)) return Object.entries(headers).filter(([, value]) => value !== undefined)
  const flat = Array.isArray(headers[0]) ? headers.flat() : headers
  const values = new Map()
  for (let at = 0; at < flat.length; at += 2) {
    const key = flat[at].toLowerCase()
    values.set(key, [flat[at], [...(values.get(key)?.[1] ?? []), flat[at + 1]].flat()])
  }
  return [...values.values()].map(([name, all]) => [name, all.length > 1 ? all : all[0]])
}

module.exports = { Response }
