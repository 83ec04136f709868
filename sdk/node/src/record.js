// What a node knows of one session.
'use strict'

const VERSION_LIMIT = 2 ** 53 // versions and fences are below it: exact in a double
const NO_STATE = Buffer.alloc(0)

/**
 * A record without state. `ttl`: seconds, as last told by the proxy. `expires`: when it may be forgotten, in
 * seconds of the node's clock.
 */
function blank (ttl, expires) {
  return {
    ttl,
    expires,
    version: 0, // 0: no state, only a fence or the mark of an end
    state: NO_STATE,
    // With which version this node began to serve, and when; 0: it only holds a copy. A request may save only
    // while both are what they were when it came in: a session that has been elsewhere since comes back with
    // another version, and one that was forgotten and begins again, with another time.
    since: 0,
    began: 0,
    fence: 0, // the highest it has been given
    ended: false
  }
}

/** Until when it is kept if it is told to be kept for `ttl` seconds: never less long than before. */
const lasting = (record, ttl, now) => Math.max(record.expires, now + ttl)

/** What a newer owner's number must be above. */
const mark = record => Math.max(record.version, record.fence)

module.exports = { VERSION_LIMIT, NO_STATE, blank, lasting, mark }
