// What people have to know and no code can be told.
'use strict'

/** Says it as Node.js says its own warnings. `what`: a text, an error, or nothing. */
function warn (what) {
  if (what) process.emitWarning(what instanceof Error ? what.stack : what, 'LimpetSessionWarning')
}

module.exports = { warn }
