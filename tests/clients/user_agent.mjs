// A person's browser: keeps cookies and follows redirects until it leaves the server. Where the server asks an app of the operator
// (login, consent, logout, device), `apps[kind](challenge)` says where that app sends the browser next.
import assert from 'node:assert/strict'
import { publicUrl } from './support.mjs'

const HOPS = 20

export class UserAgent {
    #cookies = new Map()

    constructor(apps) {
        this.apps = apps
    }

    // The URL at which it comes to rest: the client's, or the server's own page, which is then in this.page.
    async visit(start) {
        let url = new URL(start, publicUrl)
        for (let hop = 0; hop < HOPS; hop++) {
            const kind = Object.keys(this.apps).find(name => url.searchParams.has(`${name}_challenge`))
            if (kind) {
                url = new URL(await this.apps[kind](url.searchParams.get(`${kind}_challenge`)), publicUrl)
                continue
            }
            if (url.origin !== new URL(publicUrl).origin) return url
            const answer = await this.#get(url)
            if (!answer.headers.has('location')) {
                this.page = { status: answer.status, text: await answer.text() }
                return url
            }
            await answer.arrayBuffer()
            url = new URL(answer.headers.get('location'), url)
        }
        assert.fail(`more than ${HOPS} redirects`)
    }

    async #get(url) {
        const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ')
        const answer = await fetch(url, { redirect: 'manual', headers: cookie ? { cookie } : {} })
        for (const line of answer.headers.getSetCookie()) {
            const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)
            if (value === '' || /; *max-age=0/i.test(line)) this.#cookies.delete(name)
            else this.#cookies.set(name, value)
        }
        return answer
    }
}
