-- What a command's NotificationConfig asks to be told, and what was told last. A row goes when the end was told, or given up.
CREATE TABLE command_notifications (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    command_id TEXT NOT NULL,
    -- Empty: of the command as a whole.
    node_id TEXT NOT NULL,
    -- The webhook.
    topic TEXT NOT NULL,
    -- At the beginning the state that nobody is told.
    told TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    PRIMARY KEY (account, region, command_id, node_id)
);
CREATE INDEX command_notifications_by_due ON command_notifications (due_at);

-- Files of log groups go by their age; see the query that names this.
CREATE INDEX objects_of_logs ON objects (modified_at) WHERE bucket = 'fettle-logs';
