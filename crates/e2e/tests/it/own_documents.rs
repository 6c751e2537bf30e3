//! Documents that an account made, run by a real agent: by themselves, and as hooks of patching.

use api::ssm::{
    CommandInvocation, CommandInvocationStatus, CreateDocumentRequest, DocumentFormat, UpdateDocumentRequest,
};

use crate::harness::{Agent, PatchBed, Server, engines};
use crate::hooks::ran;
use crate::install::{approve, end_of, output};
use crate::scan::order;

use CommandInvocationStatus::{Failed, Success};

fn run(server: &Server, agent: &Agent, document: &str, parameters: &[(&str, &str)]) -> CommandInvocation {
    let sent = server.call(&order(document, &agent.id, parameters));
    end_of(server, &sent.command.unwrap().command_id.unwrap())
}

/// A document in YAML that runs one line.
fn yaml(line: &str) -> String {
    format!(
        "schemaVersion: '2.2'\nparameters:\n  who: {{type: String, default: world}}\nmainSteps:\n  - action: \
         aws:runShellScript\n    name: step\n    inputs:\n      runCommand:\n        - |\n          {line}\n"
    )
}

fn create(server: &Server, name: &str, content: String) {
    server.call(&CreateDocumentRequest {
        name: name.to_owned(),
        content,
        document_format: Some(DocumentFormat::Yaml),
        ..Default::default()
    });
}

#[test]
fn an_own_document_runs_in_its_default_version() {
    for engine in engines() {
        let server = Server::start(engine);
        let agent = Agent::online(&server);
        create(&server, "hello", yaml("echo first {{ who }}"));
        server.call(&UpdateDocumentRequest {
            name: "hello".to_owned(),
            content: yaml("echo second {{ who }}"),
            document_format: Some(DocumentFormat::Yaml),
            ..Default::default()
        });
        let done = run(&server, &agent, "hello", &[("who", "you")]);
        assert_eq!((done.status.clone(), output(&done).trim()), (Some(Success), "first you"));
        // A document that runs it, in a version of its choice.
        let outer = "schemaVersion: '2.2'\nmainSteps:\n  - action: aws:runDocument\n    name: inner\n    inputs:\n      \
                     documentType: SSMDocument\n      documentPath: 'hello:2'\n      documentParameters: {who: all}\n";
        create(&server, "outer", outer.to_owned());
        let done = run(&server, &agent, "outer", &[]);
        assert_eq!((done.status.clone(), output(&done).trim()), (Some(Success), "second all"));
    }
}

#[test]
fn own_hooks_run_before_after_and_at_the_end() {
    let Some(bed) = PatchBed::new() else { return };
    let server = Server::start(engines()[0]);
    approve(&server, &["tb-conf"]);
    let agent = Agent::online_on(&server, &bed);
    let diary = bed.root().join("hooks");
    let note = |what: &str| {
        format!(
            "echo {what} $(dpkg-query --admindir={} -W -f='${{Version}}' tb-conf) >> {}",
            bed.root().join("var/lib/dpkg").display(),
            diary.display()
        )
    };
    create(&server, "before", yaml(&note("before")));
    create(&server, "after", yaml(&note("after")));
    create(&server, "at-end", yaml(&note("end")));
    create(&server, "broken", yaml(&format!("{}; exit 3", note("broken"))));
    let mut parameters = vec![
        ("Operation", "Install"),
        ("RebootOption", "NoReboot"),
        ("PreInstallHookDocName", "broken"),
        ("PostInstallHookDocName", "after"),
        ("OnExitHookDocName", "at-end"),
    ];
    let failed = run(&server, &agent, "AWS-RunPatchBaselineWithHooks", &parameters);
    assert_eq!(failed.status, Some(Failed), "{}", output(&failed));
    assert_eq!(ran(&failed), ["RunPatchBaselineScan", "DecideToInstall", "PreInstallHook", "OnExitHook"]);
    let written = || std::fs::read_to_string(&diary).unwrap();
    assert_eq!(written(), "broken 1.0-1\nend 1.0-1\n", "nothing was installed");

    parameters[2] = ("PreInstallHookDocName", "before");
    let done = run(&server, &agent, "AWS-RunPatchBaselineWithHooks", &parameters);
    assert_eq!(done.status, Some(Success), "{}", output(&done));
    assert_eq!(
        ran(&done),
        [
            "RunPatchBaselineScan",
            "DecideToInstall",
            "PreInstallHook",
            "InstallWithoutReboot",
            "PostInstallHook",
            "DecideToReboot",
            "OnExitHook"
        ]
    );
    assert_eq!(written(), "broken 1.0-1\nend 1.0-1\nbefore 1.0-1\nafter 1.1-1\nend 1.1-1\n");
}
