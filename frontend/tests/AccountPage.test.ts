import { describeUserAgent } from "@/account/userAgent";
import AccountPage from "@/pages/AccountPage.vue";
import { createAppRouter } from "@/router";
import { useSession } from "@/stores/session";
import { useToasts } from "@/stores/toasts";
import { flushPromises, mount, type VueWrapper } from "@vue/test-utils";
import { expect, test, vi } from "vitest";
import { createMemoryHistory } from "vue-router";
import { mockServer, type Handler, type MockResponse } from "./mockServer";

const at = "2026-01-31T12:00:00Z";
const user = { id: 7, username: "corey", email: "", role: "user" as const, created_at: at, has_password: true };
const key = {
  id: 3,
  name: "camera",
  hint: "rlk_abcdef",
  scopes: ["classify"],
  created_at: at,
  seen_at: at,
  expires_at: null,
};
const device = {
  id: 5,
  name: "alices-laptop",
  client_id: "raylens-cli",
  application: "Raylens command line",
  scopes: ["classify"],
  created_at: at,
  seen_at: at,
  address: "203.0.113.7",
};
const loginSession = { id: 1, kind: "session", created_at: at, seen_at: at, expires_at: at, address: "127.0.0.1" };
const replies: Record<string, MockResponse> = {
  "GET /api/v1/account": { body: { ...user, identities: [] } },
  "GET /api/v1/account/keys": { body: { items: [key] } },
  "GET /api/v1/account/sessions": {
    body: {
      items: [
        { ...loginSession, user_agent: "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0", current: true },
        { ...loginSession, id: 2, kind: "token", user_agent: "curl/8.5.0", current: false },
      ],
    },
  },
  "GET /api/v1/account/apps": { body: { items: [] } },
  "GET /api/v1/account/devices": { body: { items: [device] } },
  "GET /api/v1/account/activity": { body: { items: [], next_before: null } },
};

type Responses = Record<string, MockResponse | Handler>;

async function open(more: Responses = {}): Promise<{ page: VueWrapper; requests: Request[] }> {
  const state = { scopes: [], registration: true, anonymous: true, password_min_length: 15, providers: [] };
  const requests = mockServer({ "GET /api/v1/session": { body: { ...state, user } }, ...replies, ...more });
  useSession().setSession({ ...state, user });
  const page = mount(AccountPage, {
    global: { plugins: [createAppRouter(createMemoryHistory())] },
    attachTo: document.body,
  });
  await flushPromises();
  return { page, requests };
}

function button(page: VueWrapper, text: string) {
  const found = page.findAll("button").find((each) => each.text() === text);
  if (!found) throw new Error(`no button ${text}`);
  return found;
}

test("a device can be removed", async () => {
  const { page, requests } = await open({ "DELETE /api/v1/account/devices/5": { status: 204 } });
  expect(page.text()).toContain("Raylens command line on alices-laptop");
  await page.get('[aria-label="Revoke access for Raylens command line on alices-laptop"]').trigger("click");
  await flushPromises();
  expect(requests.some((request) => request.method === "DELETE" && request.url.endsWith("/devices/5"))).toBe(true);
});

test("a device that is already removed is reported and leaves the list", async () => {
  const devices = [device];
  const { page } = await open({
    "GET /api/v1/account/devices": () => ({ body: { items: devices } }),
    "DELETE /api/v1/account/devices/5": { status: 404, body: { code: "not_found", detail: "No such device." } },
  });
  devices.length = 0;
  await page.get('[aria-label="Revoke access for Raylens command line on alices-laptop"]').trigger("click");
  await flushPromises();
  expect(useToasts().items[0]).toMatchObject({ text: "Not found: No such device.", variant: "danger" });
  expect(page.text()).not.toContain("alices-laptop");
});

test("the page shows keys, sessions and applications", async () => {
  const { page } = await open();
  expect(page.text()).toContain("camera");
  expect(page.text()).toContain("Browser: Firefox on Linux");
  expect(page.text()).toContain("Token: curl");
  expect(page.text()).toContain("No connected applications.");
});

test("a username change requires the password and shows errors at the field", async () => {
  const { page, requests } = await open({
    "PATCH /api/v1/account": {
      status: 400,
      body: { code: "invalid_fields", detail: "", errors: { current_password: ["Invalid password."] } },
    },
  });
  const profile = page.findAll("section")[0];
  expect(profile?.findAll("input")).toHaveLength(2);
  await profile?.find("input").setValue("cory");
  expect(profile?.findAll("input")).toHaveLength(3);
  await profile?.findAll("input")[2]?.setValue("wrong");
  await profile?.find("form").trigger("submit");
  await flushPromises();
  expect(await requests.at(-1)?.json()).toEqual({ username: "cory", email: "", current_password: "wrong" });
  expect(profile?.text()).toContain("Invalid password.");
});

test("a new key is shown once, with an example", async () => {
  const { page, requests } = await open({
    "POST /api/v1/account/keys": { status: 201, body: { ...key, id: 4, key: "rlk_secret" } },
  });
  await button(page, "New key").trigger("click");
  await page.find("dialog input").setValue("door");
  await page.find("dialog form").trigger("submit");
  await flushPromises();
  const made = requests.find((request) => request.method === "POST");
  expect(await made?.json()).toEqual({ name: "door", scopes: ["classify"], expires_in_days: 90 });
  expect(page.find("dialog").text()).toContain("rlk_secret");
  expect(page.find("dialog pre").text()).toContain("curl");
  await button(page, "Done").trigger("click");
  expect(page.html()).not.toContain("rlk_secret");
});

test("a key without permissions is not created", async () => {
  const { page, requests } = await open();
  await button(page, "New key").trigger("click");
  await page.find("dialog input").setValue("door");
  await page.find("dialog input[type=checkbox]").setValue(false);
  await page.find("dialog form").trigger("submit");
  await flushPromises();
  expect(requests.filter((request) => request.method === "POST")).toHaveLength(0);
  expect(page.find("dialog").text()).toContain("Choose at least one permission.");
});

test("other sessions can be ended, the current one cannot", async () => {
  const { page, requests } = await open({ "DELETE /api/v1/account/sessions/2": { status: 204 } });
  expect(page.findAll("button").filter((each) => each.text() === "End")).toHaveLength(1);
  await button(page, "End").trigger("click");
  await flushPromises();
  expect(requests.some((request) => request.method === "DELETE" && request.url.endsWith("/sessions/2"))).toBe(true);
});

test("deleting the account requires the password and signs out", async () => {
  const { page, requests } = await open({ "DELETE /api/v1/account": { status: 204 } });
  await button(page, "Delete account").trigger("click");
  await page.find("dialog input").setValue("correct horse staple");
  await page.find("dialog form").trigger("submit");
  await flushPromises();
  const left = requests.find((request) => request.method === "DELETE");
  expect(await left?.json()).toEqual({ current_password: "correct horse staple" });
  await vi.waitFor(() => {
    expect(useSession().user).toBeNull();
  });
});

test.each([
  ["Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36", "Chrome on Windows"],
  ["Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1", "Safari on iPhone"],
  ["python-httpx/0.28.1", "python-httpx"],
  ["", ""],
])("the User-Agent %s is described as %s", (userAgent, device) => {
  expect(describeUserAgent(userAgent)).toBe(device);
});
