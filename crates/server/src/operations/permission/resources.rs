//! Which resources a request is about, from its members, as ARNs. A request that names none is about `*`; one whose targets
//! select nodes at another time is about all nodes.
//! Source: systems-manager.md 19.2, resources checked per action.

use domain::ids::Arn;
use domain::parameter::path_key;
use domain::policy;
use serde_json::{Map, Value};

use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::Service;

/// Operations whose `Name` is that of a document.
const NAMED_DOCUMENT: [&str; 15] = [
    "GetDocument",
    "DescribeDocument",
    "CreateDocument",
    "UpdateDocument",
    "UpdateDocumentDefaultVersion",
    "DeleteDocument",
    "ListDocumentVersions",
    "DescribeDocumentPermission",
    "ModifyDocumentPermission",
    "UpdateDocumentMetadata",
    "ListDocumentMetadataHistory",
    "CreateAssociation",
    "CreateAssociationBatch",
    "DescribeAssociation",
    "UpdateAssociation",
];

/// Whose targets are looked up at once: each node is asked about then, by [`super::require_nodes`].
const RESOLVED_AT_ONCE: [&str; 2] = ["SendCommand", "StartPatchNow"];

/// About the nodes of what is named: each is asked about once that is read, by [`super::require_command`].
const OF_ITS_NODES: [&str; 2] = ["SignalRollout", "CancelPatchNow"];

/// Operations whose `Name`, `Names` or `Path` is that of parameters.
const NAMED_PARAMETERS: [&str; 9] = [
    "PutParameter",
    "GetParameter",
    "GetParameters",
    "GetParametersByPath",
    "GetParameterHistory",
    "DeleteParameter",
    "DeleteParameters",
    "LabelParameterVersion",
    "UnlabelParameterVersion",
];

/// Deeper lists and structures of a request name no resources.
const DEPTH: usize = 3;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Resource {
    arn: String,
    extent: Extent,
    /// Whose tags policies may ask for.
    pub node: Option<String>,
    /// The same of a parameter: its key.
    pub parameter: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Extent {
    One,
    /// Whatever begins so, and goes on with an id.
    Below,
    /// Whatever begins so.
    Within,
}

impl Resource {
    pub fn plain(arn: String) -> Self {
        Self { arn, extent: Extent::One, node: None, parameter: None }
    }

    /// Whatever has an ARN that begins so, and goes on with an id.
    fn below(prefix: String) -> Self {
        Self { arn: prefix, extent: Extent::Below, node: None, parameter: None }
    }

    /// Whatever has an ARN that begins so.
    pub fn within(prefix: String) -> Self {
        Self { arn: prefix, extent: Extent::Within, node: None, parameter: None }
    }

    pub fn asked(&self) -> policy::Resource<'_> {
        match self.extent {
            Extent::One => policy::Resource::One(&self.arn),
            Extent::Below => policy::Resource::Below(&self.arn),
            Extent::Within => policy::Resource::Within(&self.arn),
        }
    }

    pub fn shown(&self) -> String {
        format!("{}{}", self.arn, if self.extent == Extent::One { "" } else { "*" })
    }
}

pub fn node(ctx: &Ctx, id: &str) -> Resource {
    // A cloud instance of its own id is one of the cloud's resources.
    let arn = match id.starts_with("i-") {
        true => format!("arn:aws:ec2:{}:{}:instance/{id}", ctx.region, ctx.account),
        false => own(ctx, "managed-instance", id),
    };
    Resource { arn, extent: Extent::One, node: Some(id.to_owned()), parameter: None }
}

/// By a name, with or without its leading slash, or an ARN; which version of it makes no difference.
pub fn parameter(ctx: &Ctx, text: &str) -> Resource {
    let kind = "parameter/";
    let (arn, key) = match Arn::parse(text) {
        Some(arn) => {
            let (resource, _) = arn.resource.split_once(':').unwrap_or((arn.resource, ""));
            let whole = &text[..text.len() - (arn.resource.len() - resource.len())];
            (whole.to_owned(), resource.strip_prefix(kind))
        }
        None => {
            let (name, _) = text.split_once(':').unwrap_or((text, ""));
            let key = name.strip_prefix('/').unwrap_or(name);
            let key = key.strip_suffix('/').unwrap_or(key);
            (own(ctx, "parameter", key), Some(key))
        }
    };
    // What cannot be a key has no tags.
    let key = key.filter(|key| path_key(&format!("/{key}")).is_some());
    Resource { arn, extent: Extent::One, node: None, parameter: key.map(str::to_owned) }
}

/// Empty where the nodes are asked about later. What cannot be read as JSON is refused when it is decoded; until then it is about `*`.
pub fn of_request(
    ctx: &Ctx,
    service: Service,
    operation: &str,
    body: &[u8],
) -> Result<Vec<Resource>, ApiError> {
    let mut found = Found { ctx, service, operation, resources: vec![] };
    if let Ok(Value::Object(members)) = serde_json::from_slice(body) {
        found.look_into(&members, DEPTH);
    }
    let mut resources = found.resources;
    resources.sort_unstable();
    resources.dedup();
    let is_asked_later = service == Service::Fettle && OF_ITS_NODES.contains(&operation);
    if resources.is_empty() && !is_asked_later {
        resources.push(Resource::plain("*".to_owned()));
    }
    Ok(resources)
}

struct Found<'c> {
    ctx: &'c Ctx,
    service: Service,
    operation: &'c str,
    resources: Vec<Resource>,
}

impl Found<'_> {
    fn look_into(&mut self, members: &Map<String, Value>, depth: usize) {
        for (name, value) in members {
            match value {
                Value::String(text) => self.add(name, text, members),
                Value::Array(list) if name == "Targets" => self.add_targets(list),
                Value::Array(list) if name == "InstanceIds" || name == "ResourceIds" => {
                    list.iter().filter_map(Value::as_str).for_each(|id| self.add_node(id));
                }
                Value::Array(list) if name == "Names" && self.is_about_parameters() => {
                    let names = list.iter().filter_map(Value::as_str);
                    let found: Vec<Resource> = names.map(|name| parameter(self.ctx, name)).collect();
                    self.resources.extend(found);
                }
                Value::Array(list) if name == "AssociationIds" => {
                    let arns = list.iter().filter_map(Value::as_str).map(|id| self.named("association", id));
                    let found: Vec<Resource> = arns.map(Resource::plain).collect();
                    self.resources.extend(found);
                }
                Value::Array(list) if depth > 0 => {
                    let inner = list.iter().filter_map(Value::as_object);
                    inner.for_each(|members| self.look_into(members, depth - 1));
                }
                Value::Object(inner) if depth > 0 => self.look_into(inner, depth - 1),
                _ => {}
            }
        }
    }

    fn add(&mut self, name: &str, text: &str, beside: &Map<String, Value>) {
        let is_runbook =
            self.operation == "StartAutomationExecution" || self.operation == "StartExecutionPreview";
        let arn = match name {
            "InstanceId" | "Destination" => return self.add_node(text),
            "Target" if self.operation == "GetConnectionStatus" => return self.add_node(text),
            "BaselineId" => self.named("patchbaseline", text),
            "WindowId" => self.named("maintenancewindow", text),
            "AssociationId" => self.named("association", text),
            "AutomationExecutionId" => self.named("automation-execution", text),
            "DocumentName" if is_runbook => self.document("automation-definition", text, beside),
            "DocumentName" => self.document("document", text, beside),
            "Name" if self.service == Service::Ssm && NAMED_DOCUMENT.contains(&self.operation) => {
                self.document("document", text, beside)
            }
            "Name" | "Path" if self.is_about_parameters() => {
                self.resources.push(parameter(self.ctx, text));
                return;
            }
            "UserName" if self.service == Service::Fettle => {
                format!("arn:aws:iam::{}:user/{text}", self.ctx.account)
            }
            "ManagerArn" | "ResourceArn" if self.service == Service::QuickSetup => text.to_owned(),
            "Group" | "GroupName" | "Arn" if self.service == Service::ResourceGroups => self.group(text),
            "ResourceId" => {
                return self.add_of_kind(text, beside.get("ResourceType").and_then(Value::as_str));
            }
            _ => return,
        };
        self.resources.push(Resource::plain(arn));
    }

    fn is_about_parameters(&self) -> bool {
        self.service == Service::Ssm && NAMED_PARAMETERS.contains(&self.operation)
    }

    fn add_node(&mut self, id: &str) {
        self.resources.push(node(self.ctx, id));
    }

    /// Of the operations on tags and on compliance.
    fn add_of_kind(&mut self, id: &str, kind: Option<&str>) {
        let of = match kind {
            None | Some("ManagedInstance") => return self.add_node(id),
            Some("Parameter") => {
                self.resources.push(parameter(self.ctx, id));
                return;
            }
            Some("Document") => "document",
            Some("MaintenanceWindow") => "maintenancewindow",
            Some("PatchBaseline") => "patchbaseline",
            Some("Association") => "association",
            Some("Automation") => "automation-execution",
            Some(_) => "resource",
        };
        self.resources.push(Resource::plain(self.named(of, id)));
    }

    fn add_targets(&mut self, list: &[Value]) {
        for target in list {
            let key = target.get("Key").and_then(Value::as_str).unwrap_or_default();
            let values = target.get("Values").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            let ids: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
            match key {
                "InstanceIds" if !ids.contains(&"*") => ids.into_iter().for_each(|id| self.add_node(id)),
                "WindowTargetIds" => {}
                _ if RESOLVED_AT_ONCE.contains(&self.operation) => {}
                _ => self.resources.push(Resource::below(own(self.ctx, "managed-instance", ""))),
            }
        }
    }

    fn group(&self, text: &str) -> String {
        match Arn::parse(text) {
            Some(_) => text.to_owned(),
            None => format!("arn:aws:resource-groups:{}:{}:group/{text}", self.ctx.region, self.ctx.account),
        }
    }

    /// A name of ours, or an ARN as it stands.
    fn named(&self, kind: &str, text: &str) -> String {
        match Arn::parse(text) {
            Some(_) => text.to_owned(),
            None => own(self.ctx, kind, text),
        }
    }

    fn document(&self, kind: &str, text: &str, beside: &Map<String, Value>) -> String {
        let arn = document(self.ctx, kind, text);
        match Arn::parse(text) {
            None if kind == "automation-definition" => {
                let version = beside.get("DocumentVersion").and_then(Value::as_str).unwrap_or("$DEFAULT");
                format!("{arn}:{version}")
            }
            _ => arn,
        }
    }
}

/// Documents that came with the server belong to no account.
pub(super) fn document(ctx: &Ctx, kind: &str, text: &str) -> String {
    match (Arn::parse(text), text.starts_with("AWS-") || text.starts_with("Fettle-")) {
        (Some(_), _) => text.to_owned(),
        (None, true) => format!("arn:aws:ssm:{}::{kind}/{text}", ctx.region),
        (None, false) => own(ctx, kind, text),
    }
}

fn own(ctx: &Ctx, kind: &str, id: &str) -> String {
    format!("arn:aws:ssm:{}:{}:{kind}/{id}", ctx.region, ctx.account)
}
