// oauth4webapi (npm), the strict one: every step by hand, every answer checked against the metadata.
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import * as oauth from 'oauth4webapi'
import { agreeing } from './apps.mjs'
import { CALLBACK, SCOPE, admin, forEndpoint, newKey } from './rp.mjs'
import { publicUrl } from './support.mjs'
import { UserAgent } from './user_agent.mjs'

const plain = { [oauth.allowInsecureRequests]: true }       // the server runs on loopback, without TLS
let as
before(async () => {
    const issuer = new URL(publicUrl)
    as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, plain))
})

// What the library is told is what an application would configure, not all that the server keeps.
async function create(members) {
    const { client_id, client_secret } = (await admin.createOAuth2Client({ oAuth2Client: members })).data
    return { client_id, client_secret }
}

// Both the library's checks of the answer and, apart from them, the signature.
async function checkedIdToken(client, answer, options) {
    const result = await oauth.processAuthorizationCodeResponse(as, client, answer, options)
    await oauth.validateApplicationLevelSignature(as, answer, plain)
    return result
}

for (const alg of ['none', 'S256'])
    test(`code flow, ${alg === 'none' ? 'a public client without a secret' : 'client_secret_post'}`, async () => {
        const open = alg === 'none'
        const client = await create({
            redirect_uris: [CALLBACK],
            grant_types: ['authorization_code', 'refresh_token'],
            response_types: ['code'],
            scope: SCOPE,
            token_endpoint_auth_method: open ? 'none' : 'client_secret_post',
        })
        const authentication = open ? oauth.None() : oauth.ClientSecretPost(client.client_secret)
        const [verifier, state, nonce] = [oauth.generateRandomCodeVerifier(), oauth.generateRandomState(), oauth.generateRandomNonce()]
        const url = new URL(as.authorization_endpoint)
        url.search = new URLSearchParams({
            client_id: client.client_id,
            redirect_uri: CALLBACK,
            response_type: 'code',
            scope: SCOPE,
            state,
            nonce,
            code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
            code_challenge_method: 'S256',
            max_age: '600',
        })
        const back = await new UserAgent(agreeing()).visit(url)
        const parameters = oauth.validateAuthResponse(as, client, back, state)
        const answer = await oauth.authorizationCodeGrantRequest(as, client, authentication, parameters, CALLBACK, verifier, plain)
        const tokens = await checkedIdToken(client, answer, { expectedNonce: nonce, maxAge: 600, requireIdToken: true })
        assert.equal(oauth.getValidatedIdTokenClaims(tokens).sub, 'alice')

        const info = await oauth.userInfoRequest(as, client, tokens.access_token, plain)
        assert.equal((await oauth.processUserInfoResponse(as, client, 'alice', info)).email, 'alice@example.com')
        const again = await oauth.refreshTokenGrantRequest(as, client, authentication, tokens.refresh_token, plain)
        const next = await oauth.processRefreshTokenResponse(as, client, again)
        await oauth.validateApplicationLevelSignature(as, again, plain)
        assert.equal(oauth.getValidatedIdTokenClaims(next).sub, 'alice')

        const wrong = await oauth.authorizationCodeGrantRequest(as, client, authentication, parameters, CALLBACK, verifier, plain)
        await assert.rejects(oauth.processAuthorizationCodeResponse(as, client, wrong), { error: 'invalid_grant' })
    })

const service = jwk => ({
    grant_types: ['client_credentials'],
    scope: 'stock.read',
    token_endpoint_auth_method: 'private_key_jwt',
    token_endpoint_auth_signing_alg: jwk.alg,
    jwks: { keys: [jwk] },
    access_token_strategy: 'jwt',
})

for (const alg of ['RS256', 'ES256'])
    test(`client_credentials with private_key_jwt, ${alg}`, async () => {
        const { own, jwk } = await newKey(alg)
        const client = await create(service(jwk))
        const shows = key => oauth.PrivateKeyJwt(key, forEndpoint)
        const ask = key => oauth.clientCredentialsGrantRequest(as, client, shows(key), { scope: 'stock.read' }, plain)
        const tokens = await oauth.processClientCredentialsResponse(as, client, await ask(own))
        assert.deepEqual([tokens.scope, tokens.access_token.split('.').length], ['stock.read', 3])
        const stranger = await newKey(alg)
        const refusal = await ask({ ...stranger.own, kid: own.kid })
        await assert.rejects(oauth.processClientCredentialsResponse(as, client, refusal), { error: 'invalid_client', status: 401 })
    })

test('an assertion is good for one use', async () => {
    const { own, jwk } = await newKey()
    const client = await create(service(jwk))
    const change = (_, claims) => Object.assign(claims, { aud: as.token_endpoint, jti: 'always-the-same' })
    const same = { [oauth.modifyAssertion]: change }
    const ask = () => oauth.clientCredentialsGrantRequest(as, client, oauth.PrivateKeyJwt(own, same), {}, plain)
    await oauth.processClientCredentialsResponse(as, client, await ask())
    await assert.rejects(oauth.processClientCredentialsResponse(as, client, await ask()), error => [400, 401].includes(error.status))
})
