// Reviews of a document's versions: what can be done with one as it stands.

import type { DocumentReviewAction, UpdateDocumentMetadataRequest } from "@aws-sdk/client-ssm";

export interface ReviewStep {
  readonly action: DocumentReviewAction;
  readonly label: string;
  readonly done: string;
}

const SEND: ReviewStep = { action: "SendForReview", label: "Send for review", done: "is sent for review" };
const APPROVE: ReviewStep = { action: "Approve", label: "Approve", done: "is approved" };
const REJECT: ReviewStep = { action: "Reject", label: "Reject", done: "is rejected" };
const COMMENT: ReviewStep = { action: "UpdateReview", label: "Change the comment", done: "has another comment" };

/** Of a version in this review status; what it was judged can be said again by sending it once more. */
export function reviewSteps(status: string | undefined): readonly ReviewStep[] {
  switch (status) {
    case "PENDING":
      return [APPROVE, REJECT, COMMENT];
    case "APPROVED":
    case "REJECTED":
      return [SEND, COMMENT];
    default:
      return [SEND];
  }
}

export function commentProblem(comment: string, action: DocumentReviewAction): string | undefined {
  if (comment.length > 1024) return `at most 1,024 characters, these are ${comment.length.toLocaleString("en")}`;
  return action === "UpdateReview" && comment.trim() === "" ? "write the comment" : undefined;
}

export function toReview(
  name: string,
  version: string,
  action: DocumentReviewAction,
  comment: string,
): UpdateDocumentMetadataRequest {
  const said = comment.trim();
  return {
    Name: name,
    DocumentVersion: version,
    DocumentReviews: {
      Action: action,
      ...(said === "" ? {} : { Comment: [{ Type: "Comment" as const, Content: said }] }),
    },
  };
}
