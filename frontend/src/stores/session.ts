import { noted, OWN, whenSignedOut } from "@/api/client";
import { problemOf, unreachable } from "@/api/problem";
import { urlOf } from "@/api/root";
import { defineStore } from "pinia";
import { computed, shallowRef } from "vue";

export interface User {
  id: number;
  username: string;
  email: string;
  role: string;
  created_at: string;
  has_password: boolean;
}

export interface Provider {
  name: string;
  title: string;
  login_url: string;
}

/** Who is signed in, and how one may sign in here. */
export interface Session {
  user: User | null;
  scopes: string[];
  registration: boolean;
  anonymous: boolean;
  password_min_length: number;
  providers: Provider[];
}

const PATH = "api/v1/session";

/** The person at the browser. `session` is null until the service was asked, and where it has no users at all. */
export const useSession = defineStore("session", () => {
  const session = shallowRef<Session | null>(null);
  const user = computed(() => session.value?.user ?? null);
  const isAdmin = computed(() => user.value?.role === "admin");
  let asked: Promise<void> | undefined;

  whenSignedOut(() => {
    if (session.value) session.value = { ...session.value, user: null, scopes: [] };
  });

  /** Ask the service, once; later calls wait for the same answer. */
  function ready(): Promise<void> {
    asked ??= load().catch(() => {
      asked = undefined; // not reached: ask again next time
    });
    return asked;
  }

  async function load(): Promise<void> {
    const reply = await fetch(urlOf(PATH), { headers: OWN }).catch(() => {
      throw unreachable();
    });
    if (reply.status === 404) return; // a service without users
    if (!reply.ok) throw problemOf(reply.status, null, null);
    session.value = (await reply.json()) as Session;
  }

  /** What the service answered to a sign-in, or anything else that changed the session. */
  function accept(answered: Session): void {
    session.value = answered;
  }

  /** Throws Problem. */
  async function signOut(): Promise<void> {
    const reply = await fetch(urlOf(PATH), { method: "DELETE", headers: OWN }).catch(() => {
      throw unreachable();
    });
    if (!reply.ok && reply.status !== 401) throw noted(problemOf(reply.status, null, null));
    if (session.value) session.value = { ...session.value, user: null, scopes: [] };
  }

  return { session, user, isAdmin, ready, load, accept, signOut };
});
