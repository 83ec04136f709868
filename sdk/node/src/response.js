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

/** An http.ServerResponse. */
class Response {
  constructor (res) {
    this._res = res
    this._phase = OPEN
    this._waiting = []
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
    this._own = { writeHead, write, end, flushHeaders }
    this._settle = settle
    res.writeHead = (...given) => this._writeHead(given)
    for (const name of ['write', 'end', 'flushHeaders']) {
      res[name] = (...given) => this._pass(name, given)
    }
    Object.defineProperty(res, 'headersSent', { configurable: true, get: () => this._phase !== OPEN })
  }

  /** Called once the response is over, sent or not. */
  onClose (what) {
    this._res.once('close', what)
  }

  _pass (name, given) {
    // What Node.js does by itself, but here before it has begun to write: who else waits for the head is told,
    // in the order in which they came to wait, which is ours last.
    if (this._phase === OPEN) this._res.writeHead(this._res.statusCode)
    if (this._phase === SENT) return this._own[name].apply(this._res, given)
    if (this._phase === HOLDING) this._waiting.push([name, given])
    return name === 'end' ? this._res : this._phase === DROPPED
  }

  _writeHead (given) {
    if (this._phase === SENT) return this._own.writeHead.apply(this._res, given)
    if (this._phase === OPEN) {
      setHead(this._res, given)
      this._phase = HOLDING
      this._await()
    }
    return this._res
  }

  _await () {
    let inside = true
    let thrown = null
    this._settle((error, answer) => {
      if (!error) return this._release(answer)
      if (!inside) return this._fail(error)
      this._phase = OPEN
      thrown = error
    })
    inside = false
    if (thrown) throw thrown
  }

  _release ({ headers, status }) {
    this._setHeaders(headers, isOurs)
    if (status) {
      this._res.statusCode = status
      this._res.statusMessage = ''
    }
    this._phase = SENT
    const waiting = this._waiting.splice(0)
    for (const [name, given] of waiting) this._own[name].apply(this._res, given)
    if (waiting.some(([name]) => name === 'write') && !this._res.writableEnded) this._res.emit('drain')
  }

  _fail (error) {
    warn(error)
    this._settle((_, { headers }) => this._setHeaders(headers, () => true))
    this._phase = DROPPED
    this._waiting = []
    this._res.statusCode = 500
    this._res.statusMessage = ''
    this._own.writeHead.call(this._res, 500)
    this._own.end.call(this._res, 'Internal Server Error\n')
  }

  _setHeaders (headers, superseded) {
    for (const name of this._res.getHeaderNames()) if (superseded(name)) this._res.removeHeader(name)
    for (const [name, value] of Object.entries(headers)) this._res.setHeader(name, value)
  }
}

/** Does what `writeHead(status, reason, headers)` says, as far as it can be changed later. */
function setHead (res, [status, reason, headers]) {
  res.statusCode = status
  if (typeof reason === 'string') res.statusMessage = reason
  else headers ??= reason
  for (const [name, value] of Array.isArray(headers) ? pairs(headers) : Object.entries(headers ?? {})) {
    if (value !== undefined) res.setHeader(name, value)
  }
}

/** A list of headers, flat or of pairs, in which names may come again, with all values of each name. */
function pairs (list) {
  const all = Array.isArray(list[0]) ? list : list.flatMap((name, at) => at % 2 ? [] : [[name, list[at + 1]]])
  const values = new Map()
  for (const [name, value] of all) {
    const key = name.toLowerCase()
    const held = values.get(key)
    values.set(key, held ? [name, [].concat(held[1], value)] : [name, value])
  }
  return values.values()
}

module.exports = { Response }
