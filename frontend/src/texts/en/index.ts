import { about } from "./about";
import { account } from "./account";
import { admin } from "./admin";
import { classify, camera, result } from "./classify";
import { entry } from "./entry";
import { history } from "./history";
import { problems } from "./problems";
import { shell, notFound, titles } from "./shell";
import { top } from "./top";

/** Every text of the app. Another language is another folder of this shape, named in texts/index.ts. */
export const en = {
  about,
  account,
  admin,
  camera,
  classify,
  entry,
  history,
  notFound,
  problems,
  result,
  shell,
  titles,
  top,
};

export type Texts = typeof en;
