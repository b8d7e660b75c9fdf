// A relying party on openid-client, which checks every signature by itself, TLS or not.
import assert from 'node:assert/strict'
import { Configuration, OAuth2Api } from '@ory/hydra-client'
import * as oidc from 'openid-client'
import { adminUrl, publicUrl } from './support.mjs'

export const CALLBACK = 'https://rp.example.test/cb'
export const SCOPE = 'openid offline_access profile'
export const admin = new OAuth2Api(new Configuration({ basePath: adminUrl }))
export const introspect = async token => (await admin.introspectOAuth2Token({ token })).data

// Plain http is allowed here and nowhere else: the server runs on loopback.
const HOW = { execute: [oidc.allowInsecureRequests, oidc.enableNonRepudiationChecks] }

// A client made by the operator, and the library's view of it. `authentication` says how the client shows who it is; `before` are
// further switches of the library.
export async function register(members = {}, authentication, before = []) {
    const grant_types = ['authorization_code', 'refresh_token']
    const usual = { redirect_uris: [CALLBACK], grant_types, response_types: ['code'], scope: SCOPE }
    const wanted = { ...usual, ...members }
    const { data: client } = await admin.createOAuth2Client({ oAuth2Client: wanted })
    const shows = authentication ?? oidc.ClientSecretBasic(client.client_secret)
    const how = { execute: [...HOW.execute, ...before] }
    return { client, config: await oidc.discovery(new URL(publicUrl), client.client_id, {}, shows, how) }
}

// A client that registers itself.
export const registerItself = (members, authentication) =>
    oidc.dynamicClientRegistration(new URL(publicUrl), { redirect_uris: [CALLBACK], scope: SCOPE, ...members }, authentication, HOW)

// Parameters of a request, and what its answer must match.
export async function prepare(members = {}) {
    const [pkceCodeVerifier, state, nonce] = [oidc.randomPKCECodeVerifier(), oidc.randomState(), oidc.randomNonce()]
    const checks = { pkceCodeVerifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true }
    const code_challenge = await oidc.calculatePKCECodeChallenge(pkceCodeVerifier)
    const parameters = { redirect_uri: CALLBACK, scope: SCOPE, state, nonce, code_challenge, code_challenge_method: 'S256' }
    return { parameters: { ...parameters, ...members }, checks }
}

export async function start(config, members) {
    const { parameters, checks } = await prepare(members)
    return { url: oidc.buildAuthorizationUrl(config, parameters), checks }
}

export async function signIn(config, browser, members) {
    const { url, checks } = await start(config, members)
    const back = await browser.visit(url)
    assert.equal(back.origin + back.pathname, CALLBACK, back.href)
    return oidc.authorizationCodeGrant(config, back, checks)
}

// Clients that show who they are by a signature name the issuer as its audience, which counts where that is an https URL; here, on
// loopback, they name the token endpoint.
export const forEndpoint = { [oidc.modifyAssertion]: (_, claims) => (claims.aud = `${publicUrl}/oauth2/token`) }
export const byKey = key => oidc.PrivateKeyJwt(key.own, forEndpoint)

const SHAPES = {
    RS256: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) },
    PS256: { name: 'RSA-PSS', hash: 'SHA-256', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) },
    ES256: { name: 'ECDSA', namedCurve: 'P-256' },
}

// A key of the client: `own` for the library to sign with, `jwk` for the server to check with.
export async function newKey(alg = 'ES256') {
    const { privateKey, publicKey } = await crypto.subtle.generateKey(SHAPES[alg], true, ['sign', 'verify'])
    const kid = crypto.randomUUID()
    return { own: { key: privateKey, kid }, jwk: { ...(await crypto.subtle.exportKey('jwk', publicKey)), kid, alg, use: 'sig' } }
}
