// openid-client (npm) beyond the plain code flow: clients with keys, signed requests, hybrid, devices, registration, assertions.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as oidc from 'openid-client'
import { agreeing, sdks } from './apps.mjs'
import { CALLBACK, SCOPE, admin, byKey, introspect, newKey, prepare, register, registerItself, signIn } from './rp.mjs'
import { publicUrl, unique } from './support.mjs'
import { UserAgent } from './user_agent.mjs'

const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code'
const BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer'

const withKey = ({ jwk }, members) => ({
    token_endpoint_auth_method: 'private_key_jwt',
    token_endpoint_auth_signing_alg: jwk.alg,
    jwks: { keys: [jwk] },
    ...members,
})

for (const alg of ['RS256', 'PS256', 'ES256'])
    test(`private_key_jwt with ${alg}: code, refresh, revocation`, async () => {
        const key = await newKey(alg)
        const { config } = await register(withKey(key), byKey(key))
        const tokens = await signIn(config, new UserAgent(agreeing()))
        const next = await oidc.refreshTokenGrant(config, tokens.refresh_token)
        assert.equal((await introspect(next.access_token)).active, true)
        await oidc.tokenRevocation(config, next.refresh_token)
        assert.equal((await introspect(next.access_token)).active, false)
    })

test('private_key_jwt with a key that is not the client\'s', async () => {
    const key = await newKey()
    const { config } = await register(withKey(key), byKey({ own: { ...(await newKey()).own, kid: key.own.kid } }))
    await assert.rejects(signIn(config, new UserAgent(agreeing())), { status: 401, error: 'invalid_client' })
})

test('a signed request object by value', async () => {
    const key = await newKey()
    const { config } = await register(withKey(key, { request_object_signing_alg: 'ES256' }), byKey(key))
    const seen = {}
    const { parameters, checks } = await prepare({ login_hint: 'alice@example.com' })
    const url = await oidc.buildAuthorizationUrlWithJAR(config, { ...parameters, response_type: 'code' }, key.own)
    // OpenID Connect Core 6.1: these stand outside as well.
    url.searchParams.set('response_type', 'code')
    url.searchParams.set('scope', 'openid')
    const back = await new UserAgent(agreeing(undefined, { seen })).visit(url)
    const tokens = await oidc.authorizationCodeGrant(config, back, checks)
    assert.equal(seen.login.oidc_context.login_hint, 'alice@example.com')
    assert.equal(tokens.scope, SCOPE)
})

test('a request object with somebody else\'s signature', async () => {
    const key = await newKey()
    const { config } = await register(withKey(key, { request_object_signing_alg: 'ES256' }), byKey(key))
    const { parameters } = await prepare()
    const stranger = { ...(await newKey()).own, kid: key.own.kid }
    const url = await oidc.buildAuthorizationUrlWithJAR(config, { ...parameters, response_type: 'code' }, stranger)
    url.searchParams.set('response_type', 'code')
    url.searchParams.set('scope', 'openid')
    url.searchParams.set('redirect_uri', CALLBACK)
    const back = await new UserAgent(agreeing()).visit(url)
    assert.equal(back.searchParams.get('error'), 'invalid_request_object', back.href)
})

test('hybrid: code and ID token from the authorization endpoint', async () => {
    const members = { response_types: ['code', 'code id_token'], grant_types: ['authorization_code', 'implicit', 'refresh_token'] }
    const { config } = await register(members, undefined, [oidc.useCodeIdTokenResponseType])
    const { parameters, checks } = await prepare()
    const back = await new UserAgent(agreeing()).visit(oidc.buildAuthorizationUrl(config, parameters))
    assert.match(back.hash, /id_token=/)
    const tokens = await oidc.authorizationCodeGrant(config, back, checks)
    assert.equal(tokens.claims().sub, 'alice')
})

test('implicit: an ID token alone', async () => {
    const { config } = await register({ response_types: ['id_token'], grant_types: ['implicit'] }, undefined, [oidc.useIdTokenResponseType])
    const { parameters, checks } = await prepare({ scope: 'openid' })
    delete parameters.code_challenge
    delete parameters.code_challenge_method
    const back = await new UserAgent(agreeing()).visit(oidc.buildAuthorizationUrl(config, parameters))
    const claims = await oidc.implicitAuthentication(config, back, checks.expectedNonce, { expectedState: checks.expectedState })
    assert.deepEqual([claims.sub, claims.email], ['alice', 'alice@example.com'])
})

const deviceApp = user_code => async deviceChallenge =>
    (await admin.acceptUserCodeRequest({ deviceChallenge, acceptDeviceUserCodeRequest: { user_code } })).data.redirect_to

test('device: a code typed by hand, while the device polls', async () => {
    const { config } = await register({ grant_types: [DEVICE, 'refresh_token'], response_types: [], redirect_uris: [] })
    const waiting = await oidc.initiateDeviceAuthorization(config, { scope: SCOPE })
    assert.match(waiting.verification_uri_complete, new RegExp(`user_code=${waiting.user_code}`))
    const polling = oidc.pollDeviceAuthorizationGrant(config, waiting)
    const browser = new UserAgent({ ...agreeing(), device: deviceApp(waiting.user_code.toLowerCase()) })
    await browser.visit(waiting.verification_uri)
    const tokens = await polling
    assert.equal(tokens.claims().sub, 'alice')
    assert.equal((await oidc.refreshTokenGrant(config, tokens.refresh_token)).claims().sub, 'alice')
})

test('device: the person says no', async () => {
    const { config } = await register({ grant_types: [DEVICE], response_types: [], redirect_uris: [] })
    const waiting = await oidc.initiateDeviceAuthorization(config, { scope: 'openid' })
    const polling = assert.rejects(oidc.pollDeviceAuthorizationGrant(config, waiting), { error: 'access_denied' })
    const no = { error: 'access_denied' }
    const consent = async challenge => (await sdks['@ory/hydra-client'].reject('consent', challenge, no)).data.redirect_to
    await new UserAgent({ ...agreeing(), consent, device: deviceApp(waiting.user_code) }).visit(waiting.verification_uri)
    await polling
})

test('a client registers itself and signs a user in', async () => {
    const grant_types = ['authorization_code', 'refresh_token']
    const config = await registerItself({ grant_types, token_endpoint_auth_method: 'client_secret_post' })
    const made = config.clientMetadata()
    assert.ok(made.client_id && made.client_secret && made.registration_access_token)
    assert.ok(made.registration_client_uri.startsWith(publicUrl))
    assert.equal((await signIn(config, new UserAgent(agreeing()))).claims().sub, 'alice')

    const mine = { headers: { authorization: `Bearer ${made.registration_access_token}` } }
    assert.equal((await fetch(made.registration_client_uri, mine)).status, 200)
    assert.equal((await fetch(made.registration_client_uri, { ...mine, method: 'DELETE' })).status, 204)
    await assert.rejects(oidc.clientCredentialsGrant(config), { status: 401 })
})

test('a client registers itself with keys of its own', async () => {
    const key = await newKey()
    const config = await registerItself(withKey(key), byKey(key))
    assert.equal((await signIn(config, new UserAgent(agreeing()))).claims().sub, 'alice')
    await assert.rejects(registerItself({ redirect_uris: ['not a URI'] }), { error: /^invalid_(client_metadata|redirect_uri)$/ })
})

async function assertion({ own, jwk }, claims) {
    const part = value => Buffer.from(JSON.stringify(value)).toString('base64url')
    const now = Math.floor(Date.now() / 1000)
    const payload = { iat: now, exp: now + 300, jti: unique('jti'), aud: `${publicUrl}/oauth2/token`, ...claims }
    const text = `${part({ alg: jwk.alg, kid: jwk.kid })}.${part(payload)}`
    const signature = await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, own.key, Buffer.from(text))
    return `${text}.${Buffer.from(signature).toString('base64url')}`
}

test('a token for the assertion of a trusted issuer, once', async () => {
    const key = await newKey()
    const issuer = unique('https://issuer.example.test')
    const expires_at = new Date(Date.now() + 3600e3).toISOString()
    const trusted = { issuer, subject: 'bob', expires_at, scope: ['stock.read'], jwk: key.jwk }
    await admin.trustOAuth2JwtGrantIssuer({ trustOAuth2JwtGrantIssuer: trusted })
    const { config } = await register({ grant_types: [BEARER], response_types: [], redirect_uris: [], scope: 'stock.read' })
    const form = { assertion: await assertion(key, { iss: issuer, sub: 'bob' }), scope: 'stock.read' }
    const tokens = await oidc.genericGrantRequest(config, BEARER, form)
    const checked = await introspect(tokens.access_token)
    assert.deepEqual([checked.active, checked.sub, checked.scope], [true, 'bob', 'stock.read'])
    await assert.rejects(oidc.genericGrantRequest(config, BEARER, form), { status: 400 })
    const stranger = { assertion: await assertion(key, { iss: issuer, sub: 'eve' }) }
    await assert.rejects(oidc.genericGrantRequest(config, BEARER, stranger), { status: 400 })
})
