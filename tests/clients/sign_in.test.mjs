// A web application on openid-client signs its users in; the login, consent and logout apps are written with each SDK in turn.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as oidc from 'openid-client'
import { agreeing, sdks } from './apps.mjs'
import { CALLBACK, introspect, register, signIn, start } from './rp.mjs'
import { refused } from './support.mjs'
import { UserAgent } from './user_agent.mjs'

const BYE = 'https://rp.example.test/bye'

for (const [name, sdk] of Object.entries(sdks)) {
    test(`${name}: code with PKCE, userinfo, refresh, end of the session`, async () => {
        const { client, config } = await register({ post_logout_redirect_uris: [BYE] })
        const seen = {}
        const browser = new UserAgent(agreeing(sdk, { seen }))
        const tokens = await signIn(config, browser)

        assert.deepEqual([seen.login.skip, seen.login.subject, seen.login.client.client_id], [false, '', client.client_id])
        assert.deepEqual(seen.login.requested_scope, ['openid', 'offline_access', 'profile'])
        assert.deepEqual([seen.consent.skip, seen.consent.subject, seen.consent.acr], [false, 'alice', 'bronze'])
        assert.deepEqual(seen.consent.context, { shelf: 3 })
        assert.equal(seen.consent.login_session_id, tokens.claims().sid)

        const claims = tokens.claims()
        assert.deepEqual([claims.sub, claims.acr, claims.email], ['alice', 'bronze', 'alice@example.com'])
        const checked = await introspect(tokens.access_token)
        assert.deepEqual([checked.active, checked.sub, checked.ext], [true, 'alice', { desk: 12 }])
        assert.equal((await oidc.fetchUserInfo(config, tokens.access_token, 'alice')).email, 'alice@example.com')

        const next = await oidc.refreshTokenGrant(config, tokens.refresh_token)
        assert.notEqual(next.refresh_token, tokens.refresh_token)
        assert.deepEqual([next.claims().sub, next.claims().sid], ['alice', claims.sid])
        assert.equal((await oidc.fetchUserInfo(config, next.access_token, 'alice')).sub, 'alice')

        const end = oidc.buildEndSessionUrl(config, { id_token_hint: next.id_token, post_logout_redirect_uri: BYE, state: 'bye' })
        assert.equal((await browser.visit(end)).href, `${BYE}?state=bye`)
        assert.deepEqual([seen.logout.subject, seen.logout.sid, seen.logout.rp_initiated], ['alice', claims.sid, true])
        await signIn(config, browser)
        assert.equal(seen.login.skip, false)
    })

    test(`${name}: a second visit skips, and asks again when the operator takes it back`, async () => {
        const { client, config } = await register()
        const subject = `alice-${client.client_id}`
        const seen = {}
        const browser = new UserAgent(agreeing(sdk, { seen, subject }))
        await signIn(config, browser)
        await signIn(config, browser)
        assert.deepEqual([seen.login.skip, seen.login.subject, seen.consent.skip], [true, subject, true])
        const { data } = await sdk.consents(subject)
        assert.ok(data.length > 0 && data.every(one => one.consent_request.client.client_id === client.client_id))
        await sdk.revokeConsents(subject)
        assert.equal((await sdk.consents(subject)).data.length, 0)
        await signIn(config, browser)
        assert.deepEqual([seen.login.skip, seen.consent.skip], [true, false])
        await sdk.revokeLogins(subject)
        await signIn(config, browser)
        assert.equal(seen.login.skip, false)
    })

    test(`${name}: what an app rejects, the client is told`, async () => {
        const { config } = await register()
        const no = { error: 'login_required', error_description: 'Not today', status_code: 401 }
        for (const kind of ['login', 'consent']) {
            const reject = async challenge => (await sdk.reject(kind, challenge, no)).data.redirect_to
            const { url, checks } = await start(config)
            const back = await new UserAgent(agreeing(sdk, { [kind]: reject })).visit(url)
            assert.equal(back.origin + back.pathname, CALLBACK)
            const told = { error: 'login_required', error_description: /Not today/ }
            await assert.rejects(oidc.authorizationCodeGrant(config, back, checks), told)
        }
    })

    test(`${name}: a rejected logout leaves the session`, async () => {
        const { config } = await register({ post_logout_redirect_uris: [BYE] })
        const seen = {}
        let challenge
        const browser = new UserAgent(agreeing(sdk, { seen }))
        const { id_token } = await signIn(config, browser)
        browser.apps.logout = async asked => ((challenge = asked), 'https://logout.example.test/stayed')
        await browser.visit(oidc.buildEndSessionUrl(config, { id_token_hint: id_token, post_logout_redirect_uri: BYE }))
        assert.equal((await sdk.reject('logout', challenge)).status, 204)
        await refused(sdk.get('logout', challenge), 404)
        await signIn(config, browser)
        assert.equal(seen.login.skip, true)
    })

    test(`${name}: challenges that are unknown or used`, async () => {
        for (const kind of ['login', 'consent', 'logout']) await refused(sdk.get(kind, 'unknown'), 404)
        const { config } = await register()
        const used = {}
        const apps = agreeing(sdk)
        const keeping = kind => challenge => ((used[kind] = challenge), apps[kind](challenge))
        await signIn(config, new UserAgent({ ...apps, login: keeping('login'), consent: keeping('consent') }))
        for (const kind of ['login', 'consent']) {
            assert.match((await refused(sdk.get(kind, used[kind]), 410)).redirect_to, /^http/)
            await refused(sdk.accept(kind, used[kind], { subject: 'eve', grant_scope: [] }), 409)
        }
    })
}
