// Node's own fetch as a client: `send URL` makes the requests that standard input lists, one after another;
// `lines URL` writes an answer as it comes.

import { stdin, stdout } from 'node:process'

const [what, url] = process.argv.slice(2)
const jar = new Map()

function remember (headers) {
  for (const cookie of headers.getSetCookie()) {
    const [pair] = cookie.split(';')
    const at = pair.indexOf('=')
    jar.set(pair.slice(0, at), pair.slice(at + 1))
  }
}

function inPieces (bytes) {
  return new ReadableStream({
    start (controller) {
      for (let at = 0; at < bytes.length; at += 50000) controller.enqueue(bytes.subarray(at, at + 50000))
      controller.close()
    }
  })
}

async function one (ask) {
  const headers = new Headers(ask.headers)
  if (jar.size) headers.set('Cookie', [...jar].map(([name, value]) => `${name}=${value}`).join('; '))
  const bytes = ask.body === null ? undefined : Buffer.from(ask.body, 'base64')
  const answer = await fetch(url + ask.path, {
    method: ask.method,
    headers,
    body: bytes && ask.chunked ? inPieces(bytes) : bytes,
    duplex: bytes && ask.chunked ? 'half' : undefined,
    redirect: ask.follow ? 'follow' : 'manual'
  })
  remember(answer.headers)
  const body = Buffer.from(await answer.arrayBuffer()).toString('base64')
  return { status: answer.status, headers: [...answer.headers], body }
}

if (what === 'send') {
  const parts = []
  for await (const part of stdin) parts.push(part)
  const replies = []
  for (const ask of JSON.parse(Buffer.concat(parts))) {
    replies.push(await one(ask))
    await new Promise(setImmediate) // only then has fetch put the connection back
  }
  stdout.write(JSON.stringify(replies))
} else {
  const answer = await fetch(url)
  for await (const part of answer.body) stdout.write(part)
}
