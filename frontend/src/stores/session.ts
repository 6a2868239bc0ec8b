import { api, onUnauthorized, unwrap } from "@/api/client";
import { Problem } from "@/api/problem";
import { defineStore } from "pinia";
import { computed, shallowRef } from "vue";
import type { components } from "../../openapi";

/** Who is signed in, and which ways of signing in the service offers. */
export type Session = components["schemas"]["SessionState"];

/** The current user. `session` is null until it has been loaded. */
export const useSession = defineStore("session", () => {
  const session = shallowRef<Session | null>(null);
  const user = computed(() => session.value?.user ?? null);
  const isAdmin = computed(() => user.value?.role === "admin");
  let loading: Promise<void> | undefined;

  onUnauthorized(clearUser);

  function clearUser(): void {
    if (session.value) session.value = { ...session.value, user: null, scopes: [] };
  }

  /** Resolves once the session is loaded or the service could not be reached. Concurrent calls share one request. */
  function ready(): Promise<void> {
    loading ??= load().catch((error: unknown) => {
      loading = undefined; // load again on the next call
      if (!(error instanceof Problem)) throw error;
    });
    return loading;
  }

  /** Loads the session again, e.g. after a change of the account. Throws Problem. */
  async function load(): Promise<void> {
    session.value = await unwrap(api.GET("/api/v1/session"));
  }

  /** Takes the response to a sign-in. */
  function setSession(newSession: Session): void {
    session.value = newSession;
  }

  /** Throws Problem. */
  async function signOut(): Promise<void> {
    await unwrap(api.DELETE("/api/v1/session"));
    clearUser();
  }

  return { session, user, isAdmin, ready, load, setSession, clearUser, signOut };
});
