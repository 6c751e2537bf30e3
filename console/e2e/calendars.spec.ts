// A change calendar from the form to its deletion: events as fields, its state now and at another time, what comes next.

import { randomBytes } from "node:crypto";

import { CreateDocumentCommand, GetCalendarStateCommand } from "@aws-sdk/client-ssm";

import { expect, test } from "./person";
import { ssmClient } from "./server";

async function stateAt(name: string, AtTime: string): Promise<string | undefined> {
  return (await ssmClient().send(new GetCalendarStateCommand({ CalendarNames: [name], AtTime }))).State;
}

test("a change calendar: made, asked, changed, deleted", async ({ person }) => {
  test.setTimeout(180_000);
  const { page } = person;
  const name = `freeze-${randomBytes(4).toString("hex")}`;
  const year = new Date().getUTCFullYear() + 1;
  await person.signIn();
  await person.open("/calendars");
  await page.getByRole("link", { name: "Create change calendar" }).click();
  const field = (label: string) => page.getByRole("textbox", { name: label, exact: true });

  await test.step("the form says what is wrong", async () => {
    await page.getByRole("button", { name: "Add an event" }).click();
    await expect(field("Time zone")).toHaveValue("Europe/Berlin");
    await field("Starts").fill(`${year}-06-05 18:00`);
    await field("Ends").fill(`${year}-06-05 18:00`);
    await page.getByRole("button", { name: "Create change calendar" }).click();
    await expect(page.getByText(/^3 to 128 letters/)).toBeVisible();
    await expect(page.getByText("it ends after it starts")).toBeVisible();
    await person.isAccessible();
  });

  await test.step("it is created, with an event that repeats", async () => {
    await field("Name").fill(name);
    await field("Description").fill("Nothing changes, while; it is closed");
    await field("What it is").fill("Weekends");
    await field("Starts").fill(`${year}-01-01 18:00`);
    await field("Ends").fill(`${year}-01-04 06:00`);
    await page.getByRole("button", { name: /^Repeats/ }).click();
    await page.getByRole("option", { name: "By months" }).click();
    await field("On days").fill("1FR");
    await expect(page.getByText("It comes every month on the first Friday")).toBeVisible();
    await page.getByRole("button", { name: "Copy as aws command" }).click();
    await expect(page.getByText(/aws ssm create-document .*--document-type ChangeCalendar/)).toBeVisible();
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Create change calendar" }).click();
    await expect(page.getByText(`The change calendar ${name} is saved.`)).toBeVisible();
    await expect(page.getByRole("heading", { name, level: 1 })).toBeVisible();
    await expect(page.getByText("Nothing changes, while; it is closed")).toBeVisible();
    await expect(page.getByText("Open", { exact: true }).first()).toBeVisible();
    await expect(page.getByRole("row", { name: /Weekends.*every month on the first Friday closed/ })).toBeVisible();
    // Its default is open: the first change closes it.
    await expect(page.getByRole("table", { name: "Coming changes" }).getByRole("row").nth(1)).toContainText("Closed");
    await person.isAccessible();
  });

  await test.step("at another time", async () => {
    const time = page.getByRole("textbox", { name: "Time", exact: true });
    await time.fill("some day");
    await expect(page.getByText("no time of this form")).toBeVisible();
    await time.fill(`${year}-01-02 12:00`);
    await expect(page.getByText(/: Closed until/)).toBeVisible();
    expect(await stateAt(name, `${year}-01-02T11:00:00Z`)).toBe("CLOSED");
    await expect(page).toHaveURL(/at=/);
  });

  await test.step("it is changed, and the change is in force", async () => {
    await page.getByRole("link", { name: "Edit", exact: true }).click();
    await expect(field("Starts")).toHaveValue(`${year}-01-01 18:00`);
    await expect(field("On days")).toHaveValue("1FR");
    await page.getByRole("radio", { name: /^Closed by default/ }).check({ force: true });
    await page.getByRole("button", { name: "Save" }).click();
    await expect(page.getByText(`The change calendar ${name} is saved.`)).toBeVisible();
    await expect(page.getByText("closed, but for its events")).toBeVisible();
    expect(await stateAt(name, `${year}-01-02T11:00:00Z`)).toBe("OPEN");
    await page.getByRole("link", { name: "version 2, sharing and text" }).click();
    await expect(page.getByRole("link", { name: "Open the calendar" })).toBeVisible();
  });

  await test.step("the list has it, and it is deleted once that is confirmed", async () => {
    await person.open("/calendars");
    await expect(page.getByRole("row", { name: new RegExp(`${name} Closed`) })).toBeVisible();
    await person.isAccessible();
    await page.getByRole("link", { name }).click();
    await page.getByRole("button", { name: "Delete" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await expect(page.getByText(`The change calendar ${name} is deleted.`)).toBeVisible();
    await person.open(`/calendars/${name}`);
    await expect(page.getByText(/^DescribeDocument failed: InvalidDocument/)).toBeVisible();
  });
  person.forgiveRefusals();
});

test("an event that the form cannot show stays as it is", async ({ person }) => {
  const { page } = person;
  const name = `rare-${randomBytes(4).toString("hex")}`;
  const rule = "RRULE:FREQ=YEARLY;BYMONTH=12;BYDAY=1MO";
  const event = ["BEGIN:VEVENT", "SUMMARY:Stocktaking", "DTSTART:20261207T080000Z", "DTEND:20261207T100000Z", rule];
  const lines = ["BEGIN:VCALENDAR", "X-CALENDAR-TYPE:DEFAULT_OPEN", ...event, "END:VEVENT", "END:VCALENDAR", ""];
  const document = { Name: name, DocumentType: "ChangeCalendar" as const, DocumentFormat: "TEXT" as const };
  await ssmClient().send(new CreateDocumentCommand({ ...document, Content: lines.join("\r\n") }));
  await person.signIn();
  await person.open(`/calendars/${name}/edit`);
  await expect(page.getByText(/^Stocktaking stays as it is/)).toBeVisible();
  await page.getByRole("textbox", { name: "Description" }).fill("With a description");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("With a description")).toBeVisible();
  await expect(page.getByRole("table", { name: "Events" }).getByText(rule)).toBeVisible();
  expect(await stateAt(name, "2027-12-06T09:00:00Z")).toBe("CLOSED");
  await person.isAccessible();
});
