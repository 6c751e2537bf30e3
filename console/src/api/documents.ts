// Documents.

import {
  CreateDocumentCommand,
  DeleteDocumentCommand,
  DescribeDocumentCommand,
  GetDocumentCommand,
  ListDocumentsCommand,
  ListDocumentVersionsCommand,
  UpdateDocumentCommand,
  UpdateDocumentDefaultVersionCommand,
} from "@aws-sdk/client-ssm";
import type {
  DescribeDocumentPermissionRequest,
  DescribeDocumentPermissionResponse,
  ListDocumentMetadataHistoryRequest,
  ListDocumentMetadataHistoryResponse,
  ModifyDocumentPermissionRequest,
  UpdateDocumentMetadataRequest,
} from "@aws-sdk/client-ssm";

import { plain } from "./plain";
import { ssm } from "./ssm";

export const listDocuments = ssm("ListDocuments", ListDocumentsCommand);
export const describeDocument = ssm("DescribeDocument", DescribeDocumentCommand);
export const getDocument = ssm("GetDocument", GetDocumentCommand);
export const createDocument = ssm("CreateDocument", CreateDocumentCommand);
export const updateDocument = ssm("UpdateDocument", UpdateDocumentCommand);
export const deleteDocument = ssm("DeleteDocument", DeleteDocumentCommand);
export const listDocumentVersions = ssm("ListDocumentVersions", ListDocumentVersionsCommand);
export const updateDocumentDefaultVersion = ssm("UpdateDocumentDefaultVersion", UpdateDocumentDefaultVersionCommand);

export const describeDocumentPermission = plain<DescribeDocumentPermissionRequest, DescribeDocumentPermissionResponse>(
  "DescribeDocumentPermission",
);
export const modifyDocumentPermission = plain<ModifyDocumentPermissionRequest, object>("ModifyDocumentPermission");
export const listDocumentMetadataHistory = plain<
  ListDocumentMetadataHistoryRequest,
  ListDocumentMetadataHistoryResponse
>("ListDocumentMetadataHistory");
export const updateDocumentMetadata = plain<UpdateDocumentMetadataRequest, object>("UpdateDocumentMetadata");
