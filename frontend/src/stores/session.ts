import { answer, api, whenSignedOut } from "@/api/client";
import { Problem } from "@/api/problem";
import { defineStore } from "pinia";
import { computed, shallowRef } from "vue";
import type { components } from "../../openapi";

/** Who is signed in, and how one may sign in here. */
export type Session = components["schemas"]["SessionState"];

/** The person at the browser. `session` is null until the service said who that is. */
export const useSession = defineStore("session", () => {
  const session = shallowRef<Session | null>(null);
  const user = computed(() => session.value?.user ?? null);
  const isAdmin = computed(() => user.value?.role === "admin");
  let asked: Promise<void> | undefined;

  whenSignedOut(forget);

  function forget(): void {
    if (session.value) session.value = { ...session.value, user: null, scopes: [] };
  }

  /** Return once the service said who is signed in, or could not be reached; many may wait for the one answer. */
  function ready(): Promise<void> {
    asked ??= load().catch((error: unknown) => {
      asked = undefined; // ask again next time
      if (!(error instanceof Problem)) throw error;
    });
    return asked;
  }

  /** Ask again, e.g. after something about the account was changed. Throws Problem. */
  async function load(): Promise<void> {
    session.value = await answer(api.GET("/api/v1/session"));
  }

  /** What the service answered to a sign-in. */
  function accept(answered: Session): void {
    session.value = answered;
  }

  /** Throws Problem. */
  async function signOut(): Promise<void> {
    await answer(api.DELETE("/api/v1/session"));
    forget();
  }

  return { session, user, isAdmin, ready, load, accept, forget, signOut };
});
