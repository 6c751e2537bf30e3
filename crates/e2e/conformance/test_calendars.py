"""Change calendars through boto3 and the AWS CLI."""

import uuid

import botocore.exceptions
import pytest

FREEZE = "BEGIN:VEVENT\r\nDTSTART:20261224T000000Z\r\nDTEND:20270102T000000Z\r\nSUMMARY:freeze\r\nEND:VEVENT\r\n"
NIGHTS = "BEGIN:VEVENT\r\nDTSTART:20260101T220000Z\r\nDURATION:PT8H\r\nRRULE:FREQ=DAILY\r\nEND:VEVENT\r\n"


@pytest.fixture
def calendar(ssm):
    made = []

    def calendar(kind, events):
        made.append(f"calendar-{uuid.uuid4().hex[:8]}")
        text = f"BEGIN:VCALENDAR\r\nX-CALENDAR-TYPE:{kind}\r\n{events}END:VCALENDAR\r\n"
        ssm.create_document(Name=made[-1], Content=text, DocumentType="ChangeCalendar", DocumentFormat="TEXT")
        return made[-1]

    yield calendar
    for name in made:
        ssm.delete_document(Name=name)


def test_several_calendars_are_open_when_all_are(ssm, aws, calendar):
    names = [calendar("DEFAULT_OPEN", FREEZE), calendar("DEFAULT_CLOSED", NIGHTS)]
    answer = ssm.get_calendar_state(CalendarNames=names, AtTime="2026-12-23T23:00:00+01:00")
    del answer["ResponseMetadata"]
    assert answer == {
        "State": "OPEN", "AtTime": "2026-12-23T22:00:00Z", "NextTransitionTime": "2026-12-24T00:00:00Z"}
    frozen = aws("ssm", "get-calendar-state", "--calendar-names", *names, "--at-time", "2026-12-24T23:00:00Z")
    assert (frozen["State"], frozen["NextTransitionTime"]) == ("CLOSED", "2027-01-02T00:00:00Z")
    always = ssm.get_calendar_state(CalendarNames=[calendar("DEFAULT_OPEN", "")])
    assert always["State"] == "OPEN" and "NextTransitionTime" not in always


def test_what_is_no_calendar_is_refused(ssm, calendar):
    unread = calendar("DEFAULT_OPEN", "BEGIN:VEVENT\r\nDTSTART:tomorrow\r\nEND:VEVENT\r\n")
    rows = [
        ("InvalidDocument", {"CalendarNames": ["no-such-calendar"]}),
        ("InvalidDocumentType", {"CalendarNames": ["AWS-RunShellScript"]}),
        ("UnsupportedCalendarException", {"CalendarNames": [unread]}),
        ("ValidationException", {"CalendarNames": []}),
        ("ValidationException", {"CalendarNames": ["AWS-RunShellScript"], "AtTime": "tomorrow"}),
    ]
    for code, arguments in rows:
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            ssm.get_calendar_state(**arguments)
        assert caught.value.response["Error"]["Code"] == code, arguments
