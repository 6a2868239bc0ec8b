import { answer, api } from "@/api/client";
import { useSession, type Session } from "@/stores/session";
import { expect, test } from "vitest";
import { serve } from "./server";

const PATH = "/api/v1/session";
const corey: Session = {
  user: { id: 7, username: "corey", email: "", role: "user", created_at: "2026-01-31T12:00:00Z", has_password: true },
  scopes: ["classify"],
  registration: true,
  anonymous: true,
  password_min_length: 15,
  providers: [],
};

test("the service is asked once, however many wait", async () => {
  const asked = serve({ [`GET ${PATH}`]: { body: corey } });
  const session = useSession();
  await Promise.all([session.ready(), session.ready()]);
  expect(session.user?.username).toBe("corey");
  expect(session.isAdmin).toBe(false);
  expect(asked).toHaveLength(1);
});

test("who could not be asked is asked again", async () => {
  serve({});
  const session = useSession();
  await session.ready();
  serve({ [`GET ${PATH}`]: { body: corey } });
  await session.ready();
  expect(session.user?.username).toBe("corey");
});

test("signing out is a write the service believes, and forgets the user", async () => {
  const asked = serve({ [`DELETE ${PATH}`]: { status: 204 } });
  const session = useSession();
  session.accept(corey);
  await session.signOut();
  expect(asked[0]?.headers.get("X-Requested-With")).toBe("raylens-web");
  expect(session.user).toBeNull();
  expect(session.session?.registration).toBe(true);
});

test("a sign-out that failed leaves the user signed in", async () => {
  serve({});
  const session = useSession();
  session.accept(corey);
  await expect(session.signOut()).rejects.toMatchObject({ code: "network" });
  expect(session.user).not.toBeNull();
});

test("a 401 of any call means that the session is over", async () => {
  serve({ "GET /api/v1/models": { status: 401, body: { code: "invalid_token", detail: "Over." } } });
  const session = useSession();
  session.accept(corey);
  await expect(answer(api.GET("/api/v1/models"))).rejects.toMatchObject({ code: "invalid_token" });
  expect(session.user).toBeNull();
});
