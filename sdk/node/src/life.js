// What every `req.session` has behind it, and the one that nobody keeps.
'use strict'

const { SessionClosed } = require('./errors')
const { create } = require('./session')
const { warn } = require('./warning')

/** A session's. `show(session)`, once set, is called when the app is to get another one. */
class Life {
  constructor (id, newId) {
    this.id = id
    this.closed = false // every write throws
    this.session = undefined
    this.show = null
    this._newId = newId
    this._destroyed = false
    this._renewed = false
  }

  regenerate (done) {
    if (this._refuse(done)) return
    this.id = this._newId()
    this._renewed = true
    this._destroyed = false
    this._become(create({}, this))
    later(done)
  }

  destroy (done) {
    if (this._refuse(done)) return
    this._destroyed = true
    this._become(undefined)
    later(done)
  }

  /** The head has been sent: tell whoever asks for something that needs another. */
  _refuse (done) {
    if (this.closed) fail(new SessionClosed(), done)
    return this.closed
  }

  _become (session) {
    this.session = session
    if (this.show) this.show(session)
  }
}

/** The session of a request that came without the proxy: there is no id under which to keep it. */
class Unkept extends Life {
  static _warned = false // once a process

  constructor (newId) {
    super(newId(), newId)
    this.session = create({}, this)
  }

  get stale () {
    return 0
  }

  get late () {
    return false // nothing of it is kept anyway
  }

  save (done) {
    if (!this._refuse(done)) later(done)
  }

  reload (done) {
    if (!this._refuse(done)) later(done)
  }

  finish (kept, done) {
    if (kept && Object.keys(kept).length && !Unkept._warned) {
      Unkept._warned = true
      warn(
        'a session was written in a request that did not come through Limpet (no right Limpet-Key), so it is ' +
        'not kept; send requests through the proxy, and check that its node_keys and the keys given here are ' +
        'the same. This is said once'
      )
    }
    done(null, this.abandon())
  }

  abandon () {
    this.closed = true
    return { headers: {}, status: 0 }
  }

  leave () {} // nobody waits for it
}

/** As in express-session, callbacks are never called before the method returns. */
function later (done, error) {
  if (done) setImmediate(done, error)
}

/** Tell the callback, or throw where there is none. */
function fail (error, done) {
  if (!done) throw error
  later(done, error)
}

module.exports = { Life, Unkept, fail, later }
