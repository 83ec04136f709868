// The session as an app sees it: `req.session` of express-session, that notices what is done to it.
'use strict'

const { SessionClosed, SessionError } = require('./errors')
const { Sealed } = require('./sealed')

const WATCH = Symbol('watch')

// What express-session tells of its cookie. Limpet's is the proxy's own, so nothing can be set here.
const cookie = new Proxy(
  { path: '/', httpOnly: true, sameSite: 'lax', originalMaxAge: null, maxAge: null, expires: null },
  {
    set (_, name) {
      throw new SessionError(`cookie.${name} is set by the proxy: see \`affinity\` in its configuration`)
    }
  }
)

/** What `req.session` is. Everything else in it is the app's. */
class Session {
  /** The session's id; it changes with `regenerate`. */
  get id () {
    return this[WATCH].visit.id
  }

  get cookie () {
    return cookie
  }

  /** Nothing to do: every request that is let in keeps its session alive. */
  touch () {
    return this
  }

  resetMaxAge () {
    return this
  }

  /** Save now, for requests that take long; what is written before the response head is saved anyway. */
  save (done) {
    this[WATCH].visit.save(done)
    return this
  }

  /** Read what others have saved meanwhile, into a new `req.session`. */
  reload (done) {
    this[WATCH].visit.reload(done)
    return this
  }

  /** Log in: go on with an empty `req.session` and a new id, when the head is sent. The old id is over then. */
  regenerate (done) {
    this[WATCH].visit.regenerate(done)
    return this
  }

  /** Log out: the id is over on all nodes, when the head is sent. */
  destroy (done) {
    this[WATCH].visit.destroy(done)
    return this
  }
}

const OWN = new Set(Object.getOwnPropertyNames(Session.prototype).filter(name => name !== 'constructor'))

/** The traps of one session's proxy: what was written, and what was handed out and may be. */
class Watch {
  constructor (visit, data) {
    this.visit = visit
    this.data = data // the same without a proxy's cost, and with what nobody has looked at still Sealed
    this.modified = false
    this.nested = false // an object was handed out, into which anybody may write
  }

  get (target, key, session) {
    if (key === WATCH) return this
    if (OWN.has(key)) return Reflect.get(Session.prototype, key, session)
    const value = Reflect.get(target, key, session)
    return typeof value === 'object' && value !== null ? this._handOut(target, key, value) : value
  }

  set (target, key, value) {
    // Not by assignment, which for `__proto__` would do something else.
    return this.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true })
  }

  defineProperty (target, key, descriptor) {
    this._write(key)
    return Reflect.defineProperty(target, key, descriptor)
  }

  deleteProperty (target, key) {
    if (Object.hasOwn(target, key)) this._write(key)
    return Reflect.deleteProperty(target, key)
  }

  getOwnPropertyDescriptor (target, key) {
    this.nested = true
    const found = Reflect.getOwnPropertyDescriptor(target, key)
    if (found && found.value instanceof Sealed) found.value = this._handOut(target, key, found.value)
    return found
  }

  /** From now on it may be written into. */
  _handOut (target, key, value) {
    this.nested = true
    if (!(value instanceof Sealed)) return value
    const opened = value.open()
    Reflect.defineProperty(target, key, { value: opened })
    return opened
  }

  _write (key) {
    if (this.visit.closed) throw new SessionClosed()
    if (OWN.has(key)) throw new SessionError(`\`${key}\` is the session's own, so it cannot be a key of yours`)
    this.modified = true
  }
}

/** A session of this data, which nobody else has, for a visit: who is asked to save it and whether it is closed. */
function create (data, visit) {
  return new Proxy(Object.setPrototypeOf(data, Session.prototype), new Watch(visit, data))
}

/** What is known of a session: {data, modified, nested}. */
const watched = session => session[WATCH]

module.exports = { Session, create, watched }
