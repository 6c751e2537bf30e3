-- Executions of runbooks, with the runs of their steps. Whoever finds one due goes on from what stands here.
CREATE TABLE automation_executions (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    execution_id TEXT NOT NULL,
    -- The execution that started this one.
    parent_id TEXT,
    -- A name, or the ARN of another account's document.
    document TEXT NOT NULL,
    document_version TEXT NOT NULL,
    status TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    finished_at BIGINT,
    executed_by TEXT NOT NULL,
    -- JSON: as it was asked for.
    request TEXT NOT NULL,
    -- Of one that was started for a target.
    target TEXT,
    -- JSON; none where the parent's is run.
    runbook TEXT,
    current_step TEXT,
    current_action TEXT,
    -- JSON: how far it came.
    progress TEXT NOT NULL,
    -- When somebody is to go on; none while it waits for people or is over.
    due_at BIGINT,
    PRIMARY KEY (account, region, execution_id)
);
CREATE INDEX automation_executions_by_time ON automation_executions (started_at, execution_id, account, region);
CREATE INDEX automation_executions_by_due ON automation_executions (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX automation_executions_by_parent ON automation_executions (parent_id, account, region);
CREATE INDEX automation_executions_open ON automation_executions (parent_id, account, region)
    WHERE finished_at IS NULL;

CREATE TABLE automation_steps (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    execution_id TEXT NOT NULL,
    position BIGINT NOT NULL,
    -- JSON: one run of a step.
    step TEXT NOT NULL,
    -- When an operation or a webhook is to be called for it, or called again should nobody have heard of an answer by then.
    call_at BIGINT,
    PRIMARY KEY (account, region, execution_id, position)
);
CREATE INDEX automation_steps_by_call ON automation_steps (call_at) WHERE call_at IS NOT NULL;

CREATE TABLE automation_previews (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    preview_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    -- JSON, as it is answered.
    preview TEXT NOT NULL,
    PRIMARY KEY (account, region, preview_id)
);
CREATE INDEX automation_previews_by_age ON automation_previews (created_at);

-- Of an AUTOMATION task: the execution that the piece of work became.
ALTER TABLE window_invocations ADD COLUMN automation_id TEXT;
