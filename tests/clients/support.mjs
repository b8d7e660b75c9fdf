// Where the server under test is, and what several client tests need.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'

export const publicUrl = process.env.PUBLIC_URL
export const adminUrl = process.env.ADMIN_URL

// A name that no other test uses.
export const unique = prefix => `${prefix}-${randomUUID()}`

// What a service that uses these SDKs registers for itself.
export const serviceClient = members => ({
    client_name: 'Stock service',
    grant_types: ['client_credentials'],
    scope: 'stock.read stock.write',
    audience: ['https://stock.example.com'],
    metadata: { team: 'warehouse', size: 7 },
    contacts: ['ops@example.com'],
    ...members,
})

// The SDK's promise must fail with that HTTP status; returns the error body.
export async function refused(promise, status) {
    const answer = await promise.then(() => assert.fail('was not refused'), problem => problem.response)
    assert.equal(answer?.status, status)
    return answer.data
}

// A token without any SDK, for those that cannot ask for one.
export async function clientCredentials(id, secret, form = {}) {
    const answer = await fetch(`${publicUrl}/oauth2/token`, {
        method: 'POST',
        headers: { authorization: 'Basic ' + Buffer.from(`${id}:${secret}`).toString('base64') },
        body: new URLSearchParams({ grant_type: 'client_credentials', ...form }),
    })
    assert.equal(answer.status, 200)
    return (await answer.json()).access_token
}

// The target of one relation of a Link header, as a URL, or undefined.
export function linked(answer, relation) {
    const links = (answer.headers.link ?? '').split(',').map(link => /<([^>]*)>; rel="(\w+)"/.exec(link))
    const found = links.find(link => link?.[2] === relation)
    return found && new URL(found[1], adminUrl)
}
