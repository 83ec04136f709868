// Whether somebody knows the secret that the proxy and the nodes share.
'use strict'

const { timingSafeEqual } = require('node:crypto')

const VISIBLE = /^[\x21-\x7e]+$/

/** The keys that a node accepts, old and new while they are being changed. */
class NodeKeys {
  /** Throws TypeError without a key, or for one that no header could carry. */
  constructor (keys) {
    if (!Array.isArray(keys)) throw new TypeError('`keys` must be a list of keys')
    if (!keys.length) throw new TypeError("at least one key is needed, the same as in the proxy's `node_keys`")
    if (!keys.every(key => typeof key === 'string' && VISIBLE.test(key))) {
      throw new TypeError('a key must be one or more visible ASCII characters without spaces')
    }
    this._keys = keys.map(key => Buffer.from(key))
  }

  /** True for one of them; takes the same time whichever it is. */
  accept (key) {
    const given = Buffer.from(key)
    let accepted = false
    for (const known of this._keys) {
      if (known.length === given.length && timingSafeEqual(known, given)) accepted = true
    }
    return accepted
  }
}

module.exports = { NodeKeys }
