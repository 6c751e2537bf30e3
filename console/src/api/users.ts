// Users: who may sign in, and what each may do. Operations of the `fettle` model.

import type { Call } from "./call";
import { CallError } from "./errors";
import { fettle } from "./fettle";

export interface User {
  UserName: string;
  UserId: string;
  Arn: string;
  Status: "ACTIVE" | "DISABLED";
  CreatedAt: number;
  /** Without it the user has no password, and signs in by a link. */
  PasswordChangedAt?: number;
  /** IAM policies as JSON, by their names. */
  Policies: Record<string, string>;
}

interface UserPage {
  Users: User[];
  NextToken?: string | undefined;
}

export const listUsers = fettle<{ MaxResults?: number | undefined; NextToken?: string | undefined }, UserPage>(
  "ListUsers",
);
export const createUser = fettle<
  { UserName: string; Password?: string; Policies?: Record<string, string> },
  { User: User }
>("CreateUser");
export const updateUser = fettle<
  { UserName: string; Password?: string; Policies?: Record<string, string>; Status?: User["Status"] },
  { User: User }
>("UpdateUser");
export const deleteUser = fettle<{ UserName: string }, object>("DeleteUser");
export const changePassword = fettle<{ OldPassword: string; NewPassword: string }, object>("ChangePassword");
export const createSignInCode = fettle<
  { UserName: string },
  { SignInCode: string; ExpiresAt: number; UserName: string }
>("CreateSignInCode");

const PAGE = 50;

/** One of the list: no operation returns a single user. */
export const findUser: Call<{ UserName: string }, User> = {
  service: "fettle",
  operation: "ListUsers",
  run: async ({ UserName }, signal) => {
    let token: string | undefined;
    do {
      const page: UserPage = await listUsers.run({ MaxResults: PAGE, NextToken: token }, signal);
      const found = page.Users.find((user) => user.UserName === UserName);
      if (found !== undefined) return found;
      token = page.NextToken === "" ? undefined : page.NextToken;
    } while (token !== undefined);
    throw new CallError("ListUsers", "ResourceNotFoundException", `there is no user ${UserName}`, 404);
  },
};
