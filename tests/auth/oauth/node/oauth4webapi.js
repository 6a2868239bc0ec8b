// All steps with oauth4webapi, which validates responses strictly.

import * as oauth from "oauth4webapi";
import { done, visit } from "./browser.js";

const [issuerAddress, clientId, clientSecret, redirectUri] = process.argv.slice(2);
const issuer = new URL(issuerAddress);
const insecure = { [oauth.allowInsecureRequests]: true };
const client = { client_id: clientId };
const authentication = oauth.ClientSecretPost(clientSecret);

const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure));
await oauth.processDiscoveryResponse(
  issuer,
  await oauth.discoveryRequest(issuer, { ...insecure, algorithm: "oauth2" }),
);

const verifier = oauth.generateRandomCodeVerifier();
const state = oauth.generateRandomState();
const nonce = oauth.generateRandomNonce();
const url = new URL(as.authorization_endpoint);
url.search = new URLSearchParams({
  client_id: clientId,
  redirect_uri: redirectUri,
  response_type: "code",
  scope: "openid profile classify",
  code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
  code_challenge_method: "S256",
  state,
  nonce,
});
const authorizationResponse = oauth.validateAuthResponse(as, client, await visit(url), state);

const codeResponse = await oauth.authorizationCodeGrantRequest(
  as,
  client,
  authentication,
  authorizationResponse,
  redirectUri,
  verifier,
  insecure,
);
const tokens = await oauth.processAuthorizationCodeResponse(as, client, codeResponse, {
  expectedNonce: nonce,
  maxAge: 600,
  requireIdToken: true,
});
await oauth.validateApplicationLevelSignature(as, codeResponse, insecure);
const { sub } = oauth.getValidatedIdTokenClaims(tokens);

const userinfo = await oauth.processUserInfoResponse(
  as,
  client,
  sub,
  await oauth.userInfoRequest(as, client, tokens.access_token, insecure),
);

const refreshResponse = await oauth.refreshTokenGrantRequest(
  as,
  client,
  authentication,
  tokens.refresh_token,
  insecure,
);
const renewed = await oauth.processRefreshTokenResponse(as, client, refreshResponse);
await oauth.validateApplicationLevelSignature(as, refreshResponse, insecure);

async function introspect(token) {
  const response = await oauth.introspectionRequest(as, client, authentication, token, insecure);
  return await oauth.processIntrospectionResponse(as, client, response);
}

const before = await introspect(renewed.access_token);
await oauth.processRevocationResponse(
  await oauth.revocationRequest(as, client, authentication, renewed.refresh_token, insecure),
);
const after = await introspect(renewed.access_token);

const own = await oauth.processClientCredentialsResponse(
  as,
  client,
  await oauth.clientCredentialsGrantRequest(as, client, authentication, { scope: "classify" }, insecure),
);

let refused;
try {
  await oauth.processRefreshTokenResponse(
    as,
    client,
    await oauth.refreshTokenGrantRequest(as, client, authentication, renewed.refresh_token, insecure),
  );
} catch (error) {
  refused = error.error;
}

done({ sub, username: userinfo.preferred_username, scope: tokens.scope, renewed: renewed.scope, before, after, own, refused });
