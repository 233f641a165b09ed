// @actions/http-client loads undici, 400 kB, for one function that nothing here calls: getAgentDispatcher, which gives
// @actions/github's own fetch a proxy. What it does for @actions/core, asking for an OIDC token, goes over node:https.
const unused = () => {
  throw new Error('undici is not part of this bundle');
};

export const ProxyAgent = unused;
export const fetch = unused;
