import type { components } from "../../openapi";

export type Account = components["schemas"]["Account"];
export type ApiKey = components["schemas"]["ApiKey"];
export type CreatedApiKey = components["schemas"]["CreatedApiKey"];
