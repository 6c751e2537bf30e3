//! The generator's own decisions, which the build script cannot test: names and the translation of patterns.

#[path = "../codegen/names.rs"]
mod names;
#[path = "../codegen/patterns.rs"]
mod patterns;

#[test]
fn names_fields() {
    let check = |wire: &str, expected: &str| assert_eq!(names::field(wire), expected);
    check("InstanceId", "instance_id");
    check("CVEIds", "cve_ids");
    check("KBId", "kb_id");
    check("IPAddress", "ip_address");
    check("S3OutputUrl", "s3_output_url");
    check("OutputS3BucketName", "output_s3_bucket_name");
    check("SSMConnectionChannel", "ssm_connection_channel");
    check("ARNs", "arns");
    check("valueSet", "value_set");
    check("Type", "r#type");
}

#[test]
fn names_variants() {
    let check = |value: &str, expected: &str| assert_eq!(names::variant(value), expected);
    check("NON_COMPLIANT", "NonCompliant");
    check("AMAZON_LINUX_2023", "AmazonLinux2023");
    check("AWS::EC2::Instance", "AwsEc2Instance");
    check("Automation.ChangeTemplate", "AutomationChangeTemplate");
    check("ConnectionLost", "ConnectionLost");
    check("connected", "Connected");
    check("UNKNOWN", "UnknownValue");
}

#[test]
fn names_types_and_paths() {
    assert_eq!(names::type_name("PatchRule"), "PatchRule");
    assert_eq!(names::path("MaxResults"), "maxResults");
    assert_eq!(names::path("KBId"), "kBId");
}

#[test]
fn translates_patterns() {
    let check = |java: &str, expected: Option<&str>| {
        assert_eq!(patterns::to_rust(java).as_deref(), expected, "{java}");
    };
    check(r"\w+", Some("^(?:[0-9A-Za-z_]+)$"));
    check(r"[\w.-]", Some("^(?:[[0-9A-Za-z_].-])$"));
    check(r"[[&]", Some(r"^(?:[\[\&])$"));
    check(r"\.x|\/", Some(r"^(?:\.x|\/)$"));
    check(r"a.", Some(r"^(?:a[^\n\r\x{85}\x{2028}\x{2029}])$"));
    check(r"^(?!\s*$).+", Some(&patterns::to_rust(r".*\S.*").unwrap()));
    check("(?i)all|[0-9]{12}", Some("^(?:[aA][lL][lL]|[0-9]{12})$"));
    check(r"(a)\1", None);
    check(r"a(?=b)", None);
}
