-- Maintenance windows, what is registered with them, and their runs.
CREATE TABLE maintenance_windows (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    window_id TEXT NOT NULL,
    -- JSON: what the operator said of it.
    settings TEXT NOT NULL,
    enabled BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    modified_at BIGINT NOT NULL,
    schedule_changed_at BIGINT NOT NULL,
    -- When it opens; none while it is disabled or when its time is over.
    next_at BIGINT,
    PRIMARY KEY (account, region, window_id)
);
CREATE INDEX maintenance_windows_by_next ON maintenance_windows (next_at) WHERE next_at IS NOT NULL;

CREATE TABLE window_targets (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    window_id TEXT NOT NULL,
    window_target_id TEXT NOT NULL,
    -- JSON, as the API shows it.
    detail TEXT NOT NULL,
    PRIMARY KEY (account, region, window_id, window_target_id)
);

CREATE TABLE window_tasks (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    window_id TEXT NOT NULL,
    window_task_id TEXT NOT NULL,
    -- JSON, as the API shows it.
    detail TEXT NOT NULL,
    PRIMARY KEY (account, region, window_id, window_task_id)
);

CREATE TABLE window_executions (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    window_execution_id TEXT NOT NULL,
    window_id TEXT NOT NULL,
    -- The moment of the schedule that it counts from: cut-off and end follow it.
    due_at BIGINT NOT NULL,
    cutoff_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    status TEXT NOT NULL,
    status_details TEXT NOT NULL,
    cancelled_at BIGINT,
    finished_at BIGINT,
    PRIMARY KEY (account, region, window_execution_id)
);
-- A window opens once for each moment of its schedule.
CREATE UNIQUE INDEX window_executions_by_due ON window_executions (window_id, account, region, due_at);
CREATE INDEX window_executions_by_time ON window_executions (window_id, account, region, started_at, window_execution_id);
CREATE INDEX window_executions_open ON window_executions (started_at) WHERE finished_at IS NULL;
CREATE INDEX window_executions_by_age ON window_executions (started_at);

CREATE TABLE window_task_executions (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    window_execution_id TEXT NOT NULL,
    task_execution_id TEXT NOT NULL,
    position BIGINT NOT NULL,
    -- JSON: the task as it was when the window opened.
    task TEXT NOT NULL,
    status TEXT NOT NULL,
    status_details TEXT NOT NULL,
    started_at BIGINT,
    finished_at BIGINT,
    PRIMARY KEY (account, region, window_execution_id, task_execution_id)
);

CREATE TABLE window_invocations (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    window_execution_id TEXT NOT NULL,
    task_execution_id TEXT NOT NULL,
    invocation_id TEXT NOT NULL,
    position BIGINT NOT NULL,
    -- JSON: whom it is for, decided when the window opened.
    plan TEXT NOT NULL,
    -- JSON as shown; known once it has started.
    parameters TEXT,
    command_id TEXT,
    -- When its webhook is to be called, or called again should nobody have heard of an answer by then.
    call_at BIGINT,
    status TEXT NOT NULL,
    status_details TEXT NOT NULL,
    started_at BIGINT,
    finished_at BIGINT,
    PRIMARY KEY (account, region, window_execution_id, task_execution_id, invocation_id)
);
CREATE INDEX window_invocations_by_call ON window_invocations (call_at) WHERE call_at IS NOT NULL;
