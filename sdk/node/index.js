// Sessions that survive their app server: the node's side of Limpet's session contract.
'use strict'

const { limpetSession } = require('./src/connect')
const errors = require('./src/errors')
const { Session } = require('./src/session')

module.exports = limpetSession
module.exports.Session = Session
module.exports.SessionError = errors.SessionError
module.exports.SessionTooLarge = errors.SessionTooLarge
module.exports.SessionClosed = errors.SessionClosed
module.exports.SessionGone = errors.SessionGone
module.exports.SessionExhausted = errors.SessionExhausted
