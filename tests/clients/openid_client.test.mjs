// openid-client (npm): a service that gets, and gives back, its own token, knowing only the issuer.
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { Configuration, OAuth2Api } from '@ory/hydra-client'
import * as oidc from 'openid-client'
import { adminUrl, publicUrl, serviceClient } from './support.mjs'

const admin = new OAuth2Api(new Configuration({ basePath: adminUrl }))
const active = async token => (await admin.introspectOAuth2Token({ token })).data.active

// Plain http is allowed here and nowhere else: the server runs on loopback.
const discover = (client, authentication, server = publicUrl, algorithm = 'oidc') =>
    oidc.discovery(new URL(server), client.client_id, undefined, authentication(client.client_secret), { execute: [oidc.allowInsecureRequests], algorithm })

const ways = {
    client_secret_basic: oidc.ClientSecretBasic,
    client_secret_post: oidc.ClientSecretPost,
}

for (const [token_endpoint_auth_method, authentication] of Object.entries(ways)) {
    for (const access_token_strategy of ['opaque', 'jwt']) {
        test(`${token_endpoint_auth_method}, ${access_token_strategy}: get and revoke`, async () => {
            const { data: client } = await admin.createOAuth2Client({ oAuth2Client: serviceClient({ token_endpoint_auth_method, access_token_strategy }) })
            const config = await discover(client, authentication)
            const tokens = await oidc.clientCredentialsGrant(config, { scope: 'stock.read' })
            assert.deepEqual([tokens.token_type, tokens.scope], ['bearer', 'stock.read'])
            assert.ok(tokens.expiresIn() > 3500)
            assert.equal(tokens.access_token.startsWith('ory_at_'), access_token_strategy === 'opaque')
            assert.equal(await active(tokens.access_token), true)
            await oidc.tokenRevocation(config, tokens.access_token)
            assert.equal(await active(tokens.access_token), false)
        })
    }
}

let client
before(async () => (client = (await admin.createOAuth2Client({ oAuth2Client: serviceClient() })).data))

test('discovery by RFC 8414', async () => {
    const config = await discover(client, oidc.ClientSecretBasic, publicUrl, 'oauth2')
    assert.equal(config.serverMetadata().token_endpoint, `${publicUrl}/oauth2/token`)
    assert.ok((await oidc.clientCredentialsGrant(config)).access_token)
})

test('refusals come as the errors that the library knows', async () => {
    const wrong = await discover({ ...client, client_secret: 'wrong' }, oidc.ClientSecretPost)
    await assert.rejects(oidc.clientCredentialsGrant(wrong), { status: 401 })
    const config = await discover(client, oidc.ClientSecretBasic)
    await assert.rejects(oidc.clientCredentialsGrant(config, { scope: 'never.granted' }), { error: 'invalid_scope', status: 400 })
})
