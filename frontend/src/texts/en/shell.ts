export const shell = {
  name: "Raylens",
  skip: "Skip to the content",
  navigation: "Main",
  menu: "Menu",
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
  themes: { auto: "As the system", light: "Light", dark: "Dark" },
  language: "Language",
  apiDocs: "API documentation",
  license: "Apache 2.0",
  tagline: "Image classification on Ray Serve",
  close: "Close",
  dismiss: "Dismiss",
  offline: "You are offline. What is here stays; it goes on when the connection is back.",
  unreachable: "The service does not answer. Trying again …",
  loading: "Loading …",
  failedPage: "This page could not be loaded. The connection may be gone, or there is a new version.",
  reload: "Reload",
  opensNew: "(opens a new tab)",
};

export const notFound = {
  title: "There is nothing here",
  text: "The address may be mistyped, or the page has moved.",
  home: "Classify a photo",
};

/** Shown in the browser's tab, by the name of the page. */
export const titles = {
  classify: "Raylens – what is in this photo?",
  top: "Top 10 – Raylens",
  about: "About – Raylens",
  "sign-in": "Sign in – Raylens",
  register: "Register – Raylens",
  history: "History – Raylens",
  account: "Account – Raylens",
  admin: "Admin – Raylens",
  "not-found": "Not found – Raylens",
} as Record<string, string>;
