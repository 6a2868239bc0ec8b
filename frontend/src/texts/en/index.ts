import { about } from "./about";
import { account } from "./account";
import { admin } from "./admin";
import { auth } from "./auth";
import { camera, classify, result } from "./classify";
import { history } from "./history";
import { problems } from "./problems";
import { shell, notFound, titles } from "./shell";
import { top } from "./top";

/** All texts of the app. Another language is a folder of the same shape, listed in texts/index.ts. */
export const en = {
  about,
  account,
  admin,
  auth,
  camera,
  classify,
  history,
  notFound,
  problems,
  result,
  shell,
  titles,
  top,
};

export type Texts = typeof en;
