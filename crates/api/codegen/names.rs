//! Rust names for the model's names.

/// `CVEIds` → `cve_ids`, `S3BucketName` → `s3_bucket_name`, `Type` → `r#type`.
pub fn field(wire_name: &str) -> String {
    let name = words(wire_name).join("_").to_lowercase();
    match name.as_str() {
        "type" | "match" | "ref" | "use" | "in" | "for" | "move" | "where" | "loop" | "fn" | "mod"
        | "enum" => {
            format!("r#{name}")
        }
        "self" | "super" | "crate" => panic!("no field can be called {name}"),
        _ => name,
    }
}

/// `NON_COMPLIANT` → `NonCompliant`, `AWS::EC2::Instance` → `AwsEc2Instance`. A modelled value that would be
/// called `Unknown` becomes `UnknownValue`: `Unknown(String)` is kept for text the model does not list.
pub fn variant(value: &str) -> String {
    let name: String = words(value).iter().map(|word| capitalised(word)).collect();
    assert!(name.starts_with(|c: char| c.is_ascii_uppercase()), "no variant name for {value:?}");
    if name == "Unknown" { "UnknownValue".to_owned() } else { name }
}

/// Structures and enums keep the model's name.
pub fn type_name(shape: &str) -> &str {
    let taken = ["String", "Vec", "Option", "Result", "Self", "Operation", "ErrorCode", "Default"];
    assert!(!taken.contains(&shape), "the shape name {shape} is taken");
    assert!(shape.starts_with(|c: char| c.is_ascii_uppercase()), "the shape name {shape} is no type name");
    assert!(shape.chars().all(|c| c.is_ascii_alphanumeric()), "the shape name {shape} is no type name");
    shape
}

/// Paths in constraint messages have each member's first letter in lower case.
pub fn path(wire_name: &str) -> String {
    let mut letters = wire_name.chars();
    letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect()
}

fn capitalised(word: &str) -> String {
    let (first, rest) = word.split_at(1);
    first.to_ascii_uppercase() + &rest.to_ascii_lowercase()
}

/// Splits where a capital follows a small letter or digit, before the last capital of a run that a small
/// letter follows, and at everything that is neither letter nor digit.
fn words(name: &str) -> Vec<String> {
    let letters: Vec<char> = name.chars().collect();
    let mut words = vec![String::new()];
    for (i, &letter) in letters.iter().enumerate() {
        if !letter.is_ascii_alphanumeric() {
            words.push(String::new());
            continue;
        }
        let after_small = i > 0 && !letters[i - 1].is_ascii_uppercase();
        let before_small = letters.get(i + 1).is_some_and(char::is_ascii_lowercase);
        // The `s` of `ARNs` belongs to the acronym.
        let plural = i + 2 == letters.len() && letters[i + 1] == 's';
        if letter.is_ascii_uppercase() && i > 0 && (after_small || (before_small && !plural)) {
            words.push(String::new());
        }
        words.last_mut().expect("starts with one word").push(letter);
    }
    words.retain(|word| !word.is_empty());
    words
}
