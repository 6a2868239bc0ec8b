import { api, unwrap } from "@/api/client";
import { useSession, type Session } from "@/stores/session";
import { expect, test } from "vitest";
import { mockServer } from "./mockServer";

const PATH = "/api/v1/session";
const corey: Session = {
  user: { id: 7, username: "corey", email: "", role: "user", created_at: "2026-01-31T12:00:00Z", has_password: true },
  scopes: ["classify"],
  registration: true,
  anonymous: true,
  password_min_length: 15,
  providers: [],
};

test("concurrent calls load the session once", async () => {
  const requests = mockServer({ [`GET ${PATH}`]: { body: corey } });
  const session = useSession();
  await Promise.all([session.ready(), session.ready()]);
  expect(session.user?.username).toBe("corey");
  expect(session.isAdmin).toBe(false);
  expect(requests).toHaveLength(1);
});

test("a failed load is repeated on the next call", async () => {
  mockServer({});
  const session = useSession();
  await session.ready();
  mockServer({ [`GET ${PATH}`]: { body: corey } });
  await session.ready();
  expect(session.user?.username).toBe("corey");
});

test("signing out sends the CSRF header and clears the user", async () => {
  const requests = mockServer({ [`DELETE ${PATH}`]: { status: 204 } });
  const session = useSession();
  session.setSession(corey);
  await session.signOut();
  expect(requests[0]?.headers.get("X-Requested-With")).toBe("raylens-web");
  expect(session.user).toBeNull();
  expect(session.session?.registration).toBe(true);
});

test("a failed sign-out leaves the user signed in", async () => {
  mockServer({});
  const session = useSession();
  session.setSession(corey);
  await expect(session.signOut()).rejects.toMatchObject({ code: "network" });
  expect(session.user).not.toBeNull();
});

test("a 401 of any call clears the user", async () => {
  mockServer({ "GET /api/v1/models": { status: 401, body: { code: "invalid_token", detail: "Over." } } });
  const session = useSession();
  session.setSession(corey);
  await expect(unwrap(api.GET("/api/v1/models"))).rejects.toMatchObject({ code: "invalid_token" });
  expect(session.user).toBeNull();
});
