// One request's session, from its admission to the response head: the same for every framework's shell.
'use strict'

const { STATE_IN_HEADER, pack } = require('./headers')
const { SessionGone, SessionTooLarge } = require('./errors')
const { Life, fail, later } = require('./life')
const { create, watched } = require('./session')
const { warn } = require('./warning')

const DISCARDED = 503 // the status of a discarded save: 409 would say that the app has not run

/** What has happened to saves, since the start. */
class Counters {
  saved = 0
  unchanged = 0
  renewed = 0
  discarded = 0
}

/** The session of a request that the proxy sent, and that this node may serve. */
class Visit extends Life {
  /** Throws what the serializer throws. */
  constructor ({ keeper, format, maxState, newId, counters }, request, ticket) {
    super(request.id, newId)
    this._keeper = keeper
    this._format = format
    this._maxState = maxState
    this._counters = counters
    this._request = request
    this._ticket = ticket
    this._base = ticket.state // of which the app's session has been made
    this._seen = ticket // the newest that this request has seen or made: {version, state}
    this._inside = true // counted among the running ones
    this._over = false // no more saving
    this._sealed = null // the state as the app left it, once the session is closed
    this.session = create(format.open(ticket.state), this)
  }

  /** The version that should have been found, where only an older state was; 0 as a rule. */
  get stale () {
    return this._request.stale
  }

  /** The app wants it saved before it answers. */
  save (done) {
    if (this._refuse(done)) return
    if (this._destroyed) return fail(new SessionGone(), done)
    let mine
    try {
      mine = this._mine()
    } catch (error) {
      return fail(error, done)
    }
    // A login is one step, at the head. All that can be said before is that the state can be saved.
    if (this._renewed || mine.equals(this._base)) return later(done)
    this._keeper.save(this._request, this._ticket, this._write(mine), (error, saved) => {
      if (saved) {
        this._base = mine
        this._seen = saved
        this._counters.saved++
      }
      later(done || warn, error || (saved ? undefined : new SessionGone()))
    })
  }

  reload (done) {
    if (this._refuse(done)) return
    if (this._destroyed || this._renewed) return fail(new SessionGone(), done)
    this._keeper.reload(this._request, this._ticket, (error, held) => {
      if (held) {
        try {
          this._become(create(this._format.open(held.state), this))
          this._base = held.state
          this._seen = held
        } catch (unreadable) {
          error = unreadable
        }
      }
      later(done || warn, error || (held ? undefined : new SessionGone()))
    })
  }

  /**
   * The app sends its response head: save, and close the session. `kept`: what `req.session` is. Calls
   * `done(error, {headers, status})`, status 0 for the app's own. After an error nothing has changed, and the
   * next head is answered without saving.
   */
  finish (kept, done) {
    if (this._over) return done(null, this.abandon())
    this._over = true
    let settle
    try {
      settle = this._settling(kept)
    } catch (error) {
      return done(error)
    }
    this.closed = true
    settle((error, answer) => {
      if (error) this.closed = false
      done(error, answer)
    })
  }

  /** The answer of a request that saves nothing. */
  abandon () {
    this._over = true
    this.closed = true
    return this._told(this._seen)
  }

  /** The head has been sent, or never will be. May be called again. */
  leave () {
    if (this._inside) this._keeper.leave(this._request)
    this._inside = false
  }

  /** Whether the app wrote inside a value after the head, which nobody could notice then. */
  get late () {
    if (!this._sealed || !this.session || !watched(this.session).nested) return false
    try {
      return !this._format.gives(watched(this.session).data, this._sealed)
    } catch {
      return true // what was there when the head went out could be saved
    }
  }

  /** What is to be done with what the app has left: a function of `done`. Throws what is wrong with that. */
  _settling (kept) {
    if (this._destroyed) return done => this._end(done)
    if (!kept) return done => done(null, this._told(this._seen))
    if (kept !== this.session) throw new TypeError('req.session must not be replaced; see regenerate()')
    const mine = this._mine()
    this._sealed = mine
    if (this._renewed) return mine.length ? done => this._renew(mine, done) : done => this._end(done)
    if (!mine.equals(this._base)) return done => this._save(mine, done)
    this._counters.unchanged++
    return done => done(null, this._told(this._seen))
  }

  /** The state as the app has it. Throws SessionTooLarge, or what the serializer throws. */
  _mine () {
    const { data, modified, nested } = watched(this.session)
    if (!this._renewed && !modified && !(nested && !this._format.gives(data, this._base))) return this._base
    const mine = this._format.pack(data)
    if (mine.length > this._maxState && !mine.equals(this._base)) {
      throw new SessionTooLarge(mine.length, this._maxState)
    }
    return mine
  }

  _write (mine) {
    return { base: this._base, mine, whole: this._renewed, limit: this._maxState }
  }

  _save (mine, done) {
    this._keeper.save(this._request, this._ticket, this._write(mine), (error, saved) => {
      if (saved) this._counters.saved++
      done(error, error ? null : saved ? this._told(saved) : this._discard('write'))
    })
  }

  _end (done) {
    this._keeper.end(this._request, this._ticket, (error, ended) => {
      const headers = { 'Limpet-Version': String(this._seen.version), 'Limpet-End': '1' }
      done(error, error ? null : ended ? { headers, status: 0 } : this._discard('logout'))
    })
  }

  _renew (mine, done) {
    this._keeper.renew(this._request, this._ticket, this._write(mine), this.id, (error, saved) => {
      if (error || !saved) return done(error, error ? null : this._discard('login'))
      this._counters.renewed++
      const { headers, status } = this._told(saved)
      done(null, { headers: { ...headers, 'Limpet-Renew': this.id }, status })
    })
  }

  _discard (what) {
    this._counters.discarded++
    warn(`a ${what} was discarded: the session has ended or moved to another node meanwhile`)
    const headers = { 'Limpet-Version': String(this._seen.version), 'Limpet-Need': 'state' }
    return { headers, status: DISCARDED }
  }

  /** The version, and the state where the proxy cannot have it and a header can hold it. */
  _told ({ version, state }) {
    const headers = { 'Limpet-Version': String(version) }
    if (version > Math.max(this._request.version, 1) && state.length <= STATE_IN_HEADER) {
      headers['Limpet-State'] = pack(state)
    }
    return { headers, status: 0 }
  }
}

module.exports = { Counters, Visit }
