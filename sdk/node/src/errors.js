// What the SDK raises in the app; nothing has changed when one of these is raised.
'use strict'

/** The app asked something of its session that cannot be done. */
class SessionError extends Error {
  get name () {
    return this.constructor.name
  }
}

/** The state is above the limit, so it was not saved. */
class SessionTooLarge extends SessionError {
  constructor (size, limit) {
    super(`the session's state is ${size} bytes, at most ${limit} are allowed`)
    this.code = 'LIMPET_SESSION_TOO_LARGE'
  }
}

/** The response head has gone out: what is written now could reach nobody. */
class SessionClosed extends SessionError {
  constructor () {
    super('a session may be written until the response head is sent, not after it')
    this.code = 'LIMPET_SESSION_CLOSED'
  }
}

/** The session has ended, or moved to another node, since the request came in. */
class SessionGone extends SessionError {
  constructor () {
    super('the session has ended or moved to another node meanwhile')
    this.code = 'LIMPET_SESSION_GONE'
  }
}

/** The session's version has reached its end, 2^53. */
class SessionExhausted extends SessionError {
  constructor () {
    super('the session has no versions left; it must be ended')
    this.code = 'LIMPET_SESSION_EXHAUSTED'
  }
}

/** A header, path or line that the contract does not know: 400, and nothing has changed. */
class Malformed extends Error {}

module.exports = { SessionError, SessionTooLarge, SessionClosed, SessionGone, SessionExhausted, Malformed }
