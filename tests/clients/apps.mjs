// The operator's login, consent and logout apps, on each of the SDKs that such apps are written with: get, accept and reject of a
// request, by one name for all of them; and the apps of somebody who agrees to everything.
import * as current from '@ory/hydra-client'
import * as last from '@ory/hydra-client-v1'
import * as old from '@oryd/hydra-client'
import { adminUrl } from './support.mjs'

const NAMES = { login: 'Login', consent: 'Consent', logout: 'Logout' }

function currentSdk() {
    const api = new current.OAuth2Api(new current.Configuration({ basePath: adminUrl }))
    const call = (verb, kind, challenge, more) => api[`${verb}OAuth2${NAMES[kind]}Request`]({ [`${kind}Challenge`]: challenge, ...more })
    return {
        get: (kind, challenge) => call('get', kind, challenge),
        accept: (kind, challenge, body) => call('accept', kind, challenge, { [`acceptOAuth2${NAMES[kind]}Request`]: body }),
        reject: (kind, challenge, body) => call('reject', kind, challenge, { rejectOAuth2Request: body }),
        consents: subject => api.listOAuth2ConsentSessions({ subject }),
        revokeConsents: subject => api.revokeOAuth2ConsentSessions({ subject, all: true }),
        revokeLogins: subject => api.revokeOAuth2LoginSessions({ subject }),
    }
}

function v1Sdk({ AdminApi, Configuration }) {
    const api = new AdminApi(new Configuration({ basePath: adminUrl }))
    const call = (verb, kind, ...rest) => api[`${verb}${NAMES[kind]}Request`](...rest)
    return {
        get: (kind, challenge) => call('get', kind, challenge),
        accept: (kind, challenge, body) => (kind === 'logout' ? call('accept', kind, challenge) : call('accept', kind, challenge, body)),
        reject: (kind, challenge, body) => call('reject', kind, challenge, body),
        consents: subject => api.listSubjectConsentSessions(subject),
        revokeConsents: subject => api.revokeConsentSessions(subject, undefined, true),
        revokeLogins: subject => api.revokeAuthenticationSession(subject),
    }
}

export const sdks = { '@ory/hydra-client': currentSdk(), '@oryd/hydra-client': v1Sdk(old), '@ory/hydra-client 1.10': v1Sdk(last) }

// `seen` gets what each request said; `change` replaces single apps.
export function agreeing(sdk = sdks['@ory/hydra-client'], { subject = 'alice', seen = {}, ...change } = {}) {
    const ask = async (kind, challenge) => (seen[kind] = (await sdk.get(kind, challenge)).data)
    const accept = async (kind, challenge, body) => (await sdk.accept(kind, challenge, body)).data.redirect_to
    return {
        login: async challenge => {
            await ask('login', challenge)
            return accept('login', challenge, { subject, remember: true, remember_for: 3600, acr: 'bronze', context: { shelf: 3 } })
        },
        consent: async challenge => {
            const asked = await ask('consent', challenge)
            return accept('consent', challenge, {
                grant_scope: asked.requested_scope,
                grant_access_token_audience: asked.requested_access_token_audience,
                remember: true,
                remember_for: 3600,
                session: { id_token: { email: `${subject}@example.com` }, access_token: { desk: 12 } },
            })
        },
        logout: async challenge => {
            await ask('logout', challenge)
            return accept('logout', challenge)
        },
        ...change,
    }
}
