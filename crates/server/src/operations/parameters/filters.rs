//! Filters of lists of parameters: which keys there are, which options each has.
//! Source: systems-manager.md 10.3.

use api::ssm::{ErrorCode, ParameterStringFilter, ParametersFilter, ParametersFilterKey};
use domain::parameter::{Kind, Tier, path_key};
use store::clause::Comparison;
use store::parameters::{Attribute, Condition};

use crate::error::{self, ApiError};

/// No text that is kept has it, and not every database takes it.
const NUL: &str = "the character U+0000";

/// Which keys an operation has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// DescribeParameters.
    All,
    /// GetParametersByPath.
    OfPath,
}

impl Keys {
    fn listed(self) -> &'static [&'static str] {
        match self {
            Self::All => &["tag:KEY", "Name", "Type", "KeyId", "Path", "Tier", "DataType"],
            Self::OfPath => &["Type", "KeyId", "Label"],
        }
    }

    fn has(self, key: &str) -> bool {
        let is_tag = key.strip_prefix("tag:").is_some_and(|tag| !tag.is_empty());
        self.listed().contains(&key) || (is_tag && self == Self::All)
    }
}

pub fn conditions(filters: &[ParameterStringFilter], keys: Keys) -> Result<Vec<Condition>, ApiError> {
    for (place, filter) in filters.iter().enumerate() {
        if !keys.has(&filter.key) {
            return Err(ApiError::new(
                ErrorCode::InvalidFilterKey,
                format!(
                    "The following filter key is not valid: {}. Valid filter keys include: [{}].",
                    filter.key,
                    keys.listed().join(", ")
                ),
            ));
        }
        if filters[..place].iter().any(|before| before.key == filter.key) {
            let message = format!(
                "The following filter is duplicated in the request: {}. A request can contain only one occurrence of a specific filter.",
                filter.key
            );
            return Err(ApiError::new(ErrorCode::InvalidFilterKey, message));
        }
    }
    filters.iter().map(condition).collect()
}

fn condition(filter: &ParameterStringFilter) -> Result<Condition, ApiError> {
    let values = filter.values.clone().unwrap_or_default();
    if filter.key.contains('\0') || values.iter().any(|value| value.contains('\0')) {
        return Err(no_value(filter, NUL));
    }
    if let Some(key) = filter.key.strip_prefix("tag:") {
        let comparison = comparison(filter)?;
        return Ok(Condition::Tag { key: key.to_owned(), comparison, values });
    }
    if values.is_empty() {
        return Err(no_value(filter, "no values"));
    }
    let attribute = match filter.key.as_str() {
        "Name" => return named(filter, values),
        "Path" => return below(filter, &values),
        "Label" => return labelled(filter, values),
        "Type" => Attribute::Type,
        "KeyId" => Attribute::KeyId,
        "Tier" => Attribute::Tier,
        _ => Attribute::DataType,
    };
    let comparison = comparison(filter)?;
    let is_known = |value: &String| match attribute {
        Attribute::Type => Kind::parse(value).is_some(),
        // Of which no parameter is shown to be.
        Attribute::Tier => Tier::parse(value).is_some() || value == "Intelligent-Tiering",
        Attribute::KeyId | Attribute::DataType => true,
    };
    if let (Comparison::Equal, Some(strange)) = (comparison, values.iter().find(|value| !is_known(value))) {
        return Err(no_value(filter, strange));
    }
    Ok(Condition::Attribute(attribute, comparison, values))
}

fn named(filter: &ParameterStringFilter, values: Vec<String>) -> Result<Condition, ApiError> {
    if filter.option.as_deref() == Some("Contains") {
        return Ok(Condition::NameContains(values));
    }
    let comparison =
        comparison(filter).map_err(|_| no_option(filter, &["BeginsWith", "Contains", "Equals"]))?;
    Ok(Condition::Key(comparison, keys(values)))
}

/// A leading slash makes no difference.
fn keys(names: Vec<String>) -> Vec<String> {
    let key = |name: String| name.strip_prefix('/').map(str::to_owned).unwrap_or(name);
    names.into_iter().map(key).collect()
}

fn below(filter: &ParameterStringFilter, paths: &[String]) -> Result<Condition, ApiError> {
    let key = |path: &String| {
        let key = path_key(path).map(str::to_owned);
        key.ok_or_else(|| {
            error::validation(format!("Path: `{path}` is no path: it begins with a slash, such as /a/b"))
        })
    };
    let keys = paths.iter().map(key).collect::<Result<Vec<_>, _>>()?;
    match filter.option.as_deref() {
        Some("Recursive") => Ok(Condition::Below(keys)),
        None | Some("OneLevel") => Ok(Condition::ChildOf(keys)),
        Some(_) => Err(no_option(filter, &["OneLevel", "Recursive"])),
    }
}

fn labelled(filter: &ParameterStringFilter, values: Vec<String>) -> Result<Condition, ApiError> {
    match (filter.option.as_deref(), <[String; 1]>::try_from(values)) {
        (None | Some("Equals"), Ok([label])) => Ok(Condition::Label(label)),
        (None | Some("Equals"), Err(several)) => Err(no_value(filter, &several.join(", "))),
        (Some(_), _) => Err(no_option(filter, &["Equals"])),
    }
}

fn comparison(filter: &ParameterStringFilter) -> Result<Comparison, ApiError> {
    match filter.option.as_deref() {
        None | Some("Equals") => Ok(Comparison::Equal),
        Some("BeginsWith") => Ok(Comparison::BeginWith),
        Some(_) => Err(no_option(filter, &["BeginsWith", "Equals"])),
    }
}

/// Of the older form, which says how values begin.
pub fn old_conditions(filters: &[ParametersFilter]) -> Result<Vec<Condition>, ApiError> {
    let condition = |filter: &ParametersFilter| {
        let values = filter.values.clone();
        if values.iter().any(|value| value.contains('\0')) {
            let message = format!("The following filter value is not valid: {NUL}.");
            return Err(ApiError::new(ErrorCode::InvalidFilterValue, message));
        }
        let attribute = match filter.key {
            ParametersFilterKey::Name => return Ok(Condition::Key(Comparison::BeginWith, keys(values))),
            ParametersFilterKey::Type => Attribute::Type,
            ParametersFilterKey::KeyId => Attribute::KeyId,
            ParametersFilterKey::Unknown(ref key) => {
                let message = format!("The following filter key is not valid: {key}.");
                return Err(ApiError::new(ErrorCode::InvalidFilterKey, message));
            }
        };
        Ok(Condition::Attribute(attribute, Comparison::BeginWith, values))
    };
    filters.iter().map(condition).collect()
}

fn no_option(filter: &ParameterStringFilter, options: &[&str]) -> ApiError {
    let option = filter.option.as_deref().unwrap_or_default();
    let message = format!(
        "The following filter option is not valid: {option}. Valid options of the filter key {} include: [{}].",
        filter.key,
        options.join(", ")
    );
    ApiError::new(ErrorCode::InvalidFilterOption, message)
}

fn no_value(filter: &ParameterStringFilter, value: &str) -> ApiError {
    let message =
        format!("The following filter value is not valid: {value}, of the filter key {}.", filter.key);
    ApiError::new(ErrorCode::InvalidFilterValue, message)
}
