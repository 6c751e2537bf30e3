//! Scripts as runbooks have them, in this process: what they return, how they fail, and what they do not reach.

use serde_json::{Value, json};

use crate::interpreter;
use crate::protocol::{Answer, Call, Done, FailureKind, Limits, Outcome, Request};

fn request(script: &str, events: Value) -> Request {
    Request {
        script: script.to_owned(),
        handler: Some("handler".to_owned()),
        events,
        context: json!({"global:REGION": "eu-central-1", "automation:EXECUTION_ID": "e"}),
        limits: Limits { memory_bytes: 1 << 30, cpu_seconds: 2 },
    }
}

fn done(script: &str, events: Value) -> Done {
    let mut nobody = |call: Call| -> Answer { panic!("nobody is asked for {call:?}") };
    interpreter::run(&request(script, events), &mut nobody)
}

fn returned(script: &str, events: Value) -> Value {
    match done(script, events).outcome {
        Outcome::Returned(value) => value,
        other => panic!("{other:?}"),
    }
}

fn failed(script: &str) -> (FailureKind, String) {
    match done(script, json!({})).outcome {
        Outcome::Failed(failure) => (failure.kind, failure.message),
        other => panic!("{script}: {other:?}"),
    }
}

#[test]
fn a_handler_returns_what_becomes_json() {
    let script = "
import json, re
from datetime import datetime, timedelta, timezone

ALLOWED = ['a', 'b']

class Node:
    def __init__(self, name):
        self.name = name

def shout(text):
    return text.upper()

def handler(events, context):
    print('got', events['names'], context['automation:EXECUTION_ID'])
    try:
        json.loads('{')
    except ValueError:
        print('no JSON')
    age = datetime(2026, 3, 2, tzinfo=timezone.utc) - timedelta(days=1)
    return {
        'names': sorted(shout(Node(name).name) for name in events['names'] if name in ALLOWED),
        'number': int(re.match(r'v(\\d+)', events['version']).group(1)),
        'day': age.isoformat(),
        'region': context['global:REGION'],
    }
";
    let events = json!({"names": ["b", "a", "c"], "version": "v12"});
    let done = done(script, events);
    assert_eq!(done.output, "got ['b', 'a', 'c'] e\nno JSON\n");
    let expected = json!({"names": ["A", "B"], "number": 12, "day": "2026-03-01T00:00:00+00:00",
        "region": "eu-central-1"});
    assert_eq!(done.outcome, Outcome::Returned(expected));
}

#[test]
fn failures_say_what_and_where() {
    let rows = [
        ("x = 1", FailureKind::Handler, "no function `handler`"),
        ("handler = 3", FailureKind::Handler, "no function `handler`"),
        ("def handler(events, context:\n  pass", FailureKind::Syntax, "File \"script.py\", line 2"),
        ("def handler(events, context):\n    x = 1\n    del x", FailureKind::Syntax, "line 3"),
        ("def handler(e, c):\n    yield 1", FailureKind::Syntax, "yield expressions"),
        ("import requests\ndef handler(e, c): pass", FailureKind::Raised, "No module named 'requests'"),
        ("def handler(events):\n    pass", FailureKind::Raised, "TypeError: handler() takes 1 positional"),
        (
            "def deep():\n    raise ValueError('no such node')\ndef handler(e, c):\n    deep()",
            FailureKind::Raised,
            "line 4, in handler\n    deep()\n    ~~~~~~\n  File \"script.py\", line 2, in deep",
        ),
        ("def handler(e, c):\n    return {1, 2}", FailureKind::Payload, "type set is not JSON serializable"),
        ("def handler(e, c):\n    return 'x' * 200000", FailureKind::Payload, "at most 102400"),
        ("def handler(e, c):\n    while True: pass", FailureKind::Limit, "time limit exceeded"),
        ("def handler(e, c):\n    return handler(e, c)", FailureKind::Raised, "RecursionError"),
        ("from boto3 import client\ndef handler(e, c): pass", FailureKind::Syntax, "line 1: of boto3"),
    ];
    for (script, kind, text) in rows {
        let (found, message) = failed(script);
        assert_eq!(found, kind, "{script}: {message}");
        assert!(message.contains(text), "{script}: {message}");
        assert!(!message.contains("fettle") && !message.contains("python-input"), "{message}");
    }
}

#[test]
fn nothing_of_the_machine_is_reached() {
    let rows = [
        ("open('/etc/passwd').read()", "PermissionError"),
        ("open('x', 'w')", "PermissionError"),
        ("__import__('os')", "NameError"),
        ("eval('1')", "NameError"),
        ("exec('1')", "NameError"),
    ];
    let modules =
        ["socket", "subprocess", "shutil", "urllib.request", "ctypes", "importlib", "threading", "builtins"];
    let imports = modules.map(|name| (format!("import {name}"), "ModuleNotFoundError"));
    let uses = [
        ("import os\n    os.system('ls')", "AttributeError"),
        ("import os\n    os.listdir('/')", "PermissionError"),
        ("import sys\n    sys.modules", "AttributeError"),
        ("from pathlib import Path\n    Path('/etc/passwd').read_text()", "PermissionError"),
    ];
    let rows = rows.map(|(line, error)| (line.to_owned(), error)).into_iter();
    let uses = uses.map(|(line, error)| (line.to_owned(), error));
    for (line, error) in rows.chain(imports).chain(uses) {
        let (kind, message) = failed(&format!("def handler(e, c):\n    {line}"));
        assert_eq!(kind, FailureKind::Raised, "{line}: {message}");
        assert!(message.contains(error), "{line}: {message}");
    }
    let script = "import os\ndef handler(e, c):\n    return [os.getenv('HOME'), os.getenv('HOME', 'none'), len(os.environ)]";
    assert_eq!(returned(script, json!({})), json!([null, "none", 0]));
}

#[test]
fn time_is_lent() {
    let script = "import time, json
from time import sleep as pause
from datetime import datetime, date
def handler(events, context):
    before = time.time()
    time.sleep(0.01); pause(0)
    return [time.time() - before >= 0.01, datetime.now().year > 2000, date.today().year > 2000, before > 1e9]
";
    assert_eq!(returned(script, json!({})), json!([true, true, true, true]));
    let (_, message) = failed("import time\ndef handler(e, c):\n    time.sleep(-1)");
    assert!(message.contains("line 3") && message.contains("non-negative"), "{message}");
}

#[test]
fn clients_call_the_server() {
    let script = "
import boto3
def handler(events, context):
    ssm = boto3.client('ssm', region_name='eu-central-1')
    found = ssm.describe_instance_information(Filters=[{'Key': 'PingStatus', 'Values': ['Online']}])
    try:
        ssm.delete_document(Name=events['name'])
    except Exception as error:
        return [found['InstanceInformationList'][0]['InstanceId'], str(error)]
";
    let mut asked = Vec::new();
    let mut server = |call: Call| {
        asked.push(call.clone());
        match call.operation.as_str() {
            "describe_instance_information" => {
                Answer::Answered(json!({"InstanceInformationList": [{"InstanceId": "mi-1"}]}))
            }
            _ => Answer::Refused { code: "InvalidDocument".to_owned(), message: "no such".to_owned() },
        }
    };
    let done = interpreter::run(&request(script, json!({"name": "x"})), &mut server);
    let text = "An error occurred (InvalidDocument) when calling the delete_document operation: no such";
    assert_eq!(done.outcome, Outcome::Returned(json!(["mi-1", text])));
    assert_eq!(asked[0].arguments, json!({"Filters": [{"Key": "PingStatus", "Values": ["Online"]}]}));
    assert_eq!((asked[1].service.as_str(), &asked[1].arguments), ("ssm", &json!({"Name": "x"})));

    let rows = [
        ("boto3.client('ec2')", "no service `ec2`"),
        ("boto3.client('ssm', region_name='us-east-1')", "the region of its execution, eu-central-1"),
        ("boto3.client('ssm', config=None)", "not config"),
        ("boto3.resource('ssm')", "no attribute 'resource'"),
        ("boto3.client('ssm').get_parameter('x')", "only accepts keyword arguments"),
        ("boto3.client('ssm').list_documents(Filters={1})", "Filters: an object of type set"),
    ];
    for (line, text) in rows {
        let (_, message) = failed(&format!("import boto3\ndef handler(e, c):\n    {line}"));
        assert!(message.contains(text) && message.contains("line 3"), "{line}: {message}");
    }
}

#[test]
fn reading_alone_runs_nothing() {
    let mut nobody = |call: Call| -> Answer { panic!("nobody is asked for {call:?}") };
    let read = Request { handler: None, ..request("print(1)\nraise ValueError()", json!({})) };
    assert_eq!(interpreter::run(&read, &mut nobody), Done { outcome: Outcome::Read, output: String::new() });
}
