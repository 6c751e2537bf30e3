// Who is signed in sees the console; who is not, the way in.

import { I18nProvider } from "@cloudscape-design/components/i18n";
import messages from "@cloudscape-design/components/i18n/messages/all.en";
import { useSyncExternalStore } from "react";

import { onSession, session } from "../api/session";
import { SignInPage } from "../pages/SignInPage";
import { Shell } from "./Shell";

export function App() {
  const who = useSyncExternalStore(onSession, session);
  return (
    <I18nProvider locale="en" messages={[messages]}>
      {who === undefined ? <SignInPage /> : <Shell key={who.region} session={who} />}
    </I18nProvider>
  );
}
