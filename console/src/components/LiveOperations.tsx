// What runs now, with how far it is; where nothing runs, what ran last.

import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import ProgressBar from "@cloudscape-design/components/progress-bar";
import SpaceBetween from "@cloudscape-design/components/space-between";

import { listCommands } from "../api/commands";
import { useCall } from "../api/use";
import { href, part } from "../app/place";
import { isUnderWay } from "../logic/status";
import { Answer } from "./Answer";
import { Link } from "./Link";
import { Status } from "./Status";
import { Time } from "./Time";

const SHOWN = 6;
const POLL_MS = 5000;

export function LiveOperations() {
  const commands = useCall(listCommands, { MaxResults: SHOWN }, { poll: POLL_MS });
  return (
    <Container
      fitHeight
      header={
        <Header variant="h2" actions={<Link to={href("/commands")}>All commands</Link>}>
          Operations
        </Header>
      }
    >
      <Answer of={commands} what="operations">
        {({ Commands: found = [] }) =>
          found.length === 0 ? (
            <Box color="text-status-inactive">No command has been sent yet.</Box>
          ) : (
            <SpaceBetween size="s">
              {found.map((command) => {
                // Those that failed are among them.
                const done = command.CompletedCount ?? 0;
                const all = command.TargetCount ?? 0;
                return (
                  <div key={command.CommandId}>
                    <Link to={href(`/commands/${part(command.CommandId ?? "")}`)}>{command.DocumentName}</Link>{" "}
                    <Status status={command.Status} />{" "}
                    <Box variant="span" color="text-body-secondary">
                      {all} {all === 1 ? "node" : "nodes"}, <Time at={command.RequestedDateTime} short />
                    </Box>
                    {isUnderWay(command.Status) ? (
                      <ProgressBar
                        value={all === 0 ? 0 : (100 * done) / all}
                        ariaLabel={`Progress of ${command.DocumentName ?? "the command"}`}
                        additionalInfo={`${done} of ${all} nodes`}
                      />
                    ) : null}
                  </div>
                );
              })}
            </SpaceBetween>
          )
        }
      </Answer>
    </Container>
  );
}
