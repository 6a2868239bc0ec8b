export const shell = {
  name: "Raylens",
  skip: "Skip to content",
  navigation: "Main",
  classify: "Classify",
  top: "Top 10",
  about: "About",
  history: "History",
  account: "Account",
  admin: "Admin",
  signIn: "Sign in",
  signOut: "Sign out",
  signedInAs: (name: string) => `Signed in as ${name}`,
  theme: "Theme",
  themes: { auto: "System", light: "Light", dark: "Dark" },
  language: "Language",
  apiDocs: "API documentation",
  license: "Apache 2.0",
  tagline: "Image classification on Ray Serve",
  cancel: "Cancel",
  close: "Close",
  dismiss: "Dismiss",
  offline: "You are offline. Raylens continues when you are back online.",
  unreachable: "Cannot reach Raylens. Trying again …",
  loading: "Loading …",
  more: "Show more",
  pageFailed: "This page could not be loaded. Check your connection, then reload.",
  reload: "Reload",
  opensNew: "(opens in a new tab)",
};

export const notFound = {
  title: "Page not found",
  text: "Check the address, or start over.",
  home: "Classify a photo",
};

/** Titles of the browser tab, by the name of the page. */
export const titles = {
  classify: "Raylens – what is in this photo?",
  top: "Top 10 – Raylens",
  about: "About – Raylens",
  "sign-in": "Sign in – Raylens",
  register: "Create account – Raylens",
  history: "History – Raylens",
  account: "Account – Raylens",
  admin: "Admin – Raylens",
  "not-found": "Not found – Raylens",
} as Record<string, string>;
