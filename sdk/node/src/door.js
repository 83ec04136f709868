// Who lets requests in to an app, holds its answers until their sessions are settled, and serves the endpoint.
'use strict'

const { randomBytes } = require('node:crypto')

const headers = require('./headers')
const { PATH, maxBody, say } = require('./endpoint')
const { Malformed } = require('./errors')
const { Format } = require('./format')
const { guard } = require('./guard')
const { Handshake } = require('./handshake')
const { keeperFor } = require('./keepers')
const { NodeKeys } = require('./keys')
const { Unkept } = require('./life')
const { Response } = require('./response')
const { Counters, Visit } = require('./visit')
const { warn } = require('./warning')

const VISIT = Symbol('limpet-session visit')
const MAX_STATE = 1 << 20 // bytes
const FENCE_SECONDS = 0.5 // below the second after which a proxy gives up waiting for an answer
const OPTIONS = new Set(['keys', 'path', 'maxState', 'fenceSeconds', 'serializer', 'clock', 'newId'])

/** A session id: 16 random bytes as base64url. */
const randomId = () => randomBytes(16).toString('base64url')

/** An app's. */
class Door {
  /** See limpetSession. Throws TypeError for options that cannot be. */
  constructor (options) {
    for (const name of Object.keys(options)) {
      if (!OPTIONS.has(name)) throw new TypeError(`\`${name}\` is not an option; there are ${[...OPTIONS].join(', ')}`)
    }
    const { keys, path = PATH, maxState = MAX_STATE, fenceSeconds = FENCE_SECONDS, newId = randomId } = options
    if (!(maxState >= 1)) throw new TypeError(`\`maxState\` must be at least 1 byte, not ${maxState}`)
    if (!(fenceSeconds >= 0)) throw new TypeError(`\`fenceSeconds\` must be a number of seconds, not ${fenceSeconds}`)
    this._keys = new NodeKeys(keys)
    const format = new Format(options.serializer)
    const keeper = keeperFor(path, { format, maxState, fenceSeconds, clock: options.clock })
    this.counters = new Counters()
    this._keeper = keeper
    this._path = path.replace(/\/$/, '')
    this._maxState = maxState
    this._newId = newId
    this._servers = new WeakSet()
    this._shared = { keeper, format, maxState, newId, counters: this.counters }
  }

  /** Whether it is a request of the proxy that has not come in yet. */
  expects (req) {
    return 'limpet-key' in req.headers && this._keys.accept(req.headers['limpet-key'])
  }

  /**
   * Calls `go` once the request may go to the app, with its visit; answers it where it may not. `res`: null, or
   * anything else that is no response, for an upgrade. `trusted`: whether the key is right.
   */
  enter (req, res, go, trusted = this.expects(req)) {
    if (req[VISIT]) return go()
    this._guard(req.socket?.server)
    const answer = typeof res?.getHeaderNames === 'function' ? new Response(res) : new Handshake(req.socket)
    const ours = headers.take(req)
    const [path, query = ''] = (req.originalUrl || req.url).split('?', 2)
    if (path === this._path || path.startsWith(this._path + '/')) {
      return this._serve(req, { path: path.slice(this._path.length), query, fields: ours }, trusted, answer)
    }
    let request
    try {
      request = trusted ? headers.readRequest(ours) : null
    } catch (error) {
      if (!(error instanceof Malformed)) throw error
      return answer.reply(say(400, error.message, { 'Limpet-Version': '0' }))
    }
    if (request) this._admit(req, request, answer, go)
    else this._begin(req, new Unkept(this._newId), answer, go)
  }

  _guard (server) {
    if (!server || this._servers.has(server)) return
    this._servers.add(server)
    guard(server, this)
  }

  _admit (req, request, answer, go) {
    this._keeper.admit(request, (error, outcome) => {
      if (error) return this._unreadable(error, answer)
      if (outcome.need) return answer.reply(refuse(outcome))
      let visit
      try {
        visit = new Visit(this._shared, request, outcome.ticket)
      } catch (unreadable) {
        this._keeper.leave(request)
        return this._unreadable(unreadable, answer)
      }
      this._begin(req, visit, answer, go)
    })
  }

  _begin (req, visit, answer, go) {
    req[VISIT] = visit
    answer.hold(done => {
      // Before the middleware's own place in the app's order nobody has seen the session.
      const kept = visit.show ? req.session : visit.session
      visit.finish(kept, (error, told) => {
        done(error, told)
        if (!error) process.nextTick(() => visit.leave()) // once whoever has begun to write has written
      })
    })
    answer.onClose(() => {
      visit.leave()
      if (visit.late) warn('a session was written inside a value after the response head: that is not saved')
    })
    go()
  }

  /** One unreadable state must not look like a node without a contract. */
  _unreadable (error, answer) {
    warn(error)
    answer.reply(say(500, 'the session cannot be read', { 'Limpet-Version': '0' }))
  }

  _serve (req, call, trusted, answer) {
    if (!trusted) return answer.reply(say(403, 'a right Limpet-Key is required'))
    if (req.readableEnded) return answer.reply(say(500, 'limpet-session must come before what reads bodies'))
    const most = maxBody(this._maxState)
    readBody(req, most, body => {
      if (!body) return answer.reply(say(413, `at most ${most} bytes`, { Connection: 'close' }))
      this._keeper.call({ ...call, method: req.method, body }, (error, reply) => {
        warn(error)
        answer.reply(error ? say(500, 'the sessions cannot be reached') : reply)
      })
    })
  }
}

/** The 409 that says what the proxy has to do first. */
function refuse ({ need, mark }) {
  return { status: 409, headers: { 'Limpet-Need': need, 'Limpet-Version': String(mark) }, body: Buffer.alloc(0) }
}

/** The request's body; null: it is larger than `limit`. Nothing is called where it does not arrive whole. */
function readBody (req, limit, done) {
  const parts = []
  let size = 0
  req.on('data', part => {
    size += part.length
    if (size <= limit) parts.push(part)
    else if (done) {
      done(null)
      done = null
    }
  })
  req.on('end', () => done && done(Buffer.concat(parts)))
}

module.exports = { Door, VISIT }
