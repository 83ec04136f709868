// A value of a session that nobody has looked at: the text that it is in the state, read when somebody does.
'use strict'

const { inspect } = require('node:util')

/** JSON of one value. Nobody changes it, so every request that comes to the same state has the same one. */
class Sealed {
  constructor (text) {
    this.text = text
  }

  /** The value, which nobody else has. */
  open () {
    return JSON.parse(this.text)
  }

  /** `console.log(req.session)` looks behind the session's proxy. */
  [inspect.custom] () {
    return this.open()
  }
}

module.exports = { Sealed }
