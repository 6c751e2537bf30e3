//! Several parameters at once: by their names, by filters, by path, in pages.

use serde_json::{Value, json};

use super::{names, put, refused};
use crate::testing::TestServer;

#[tokio::test]
async fn several_are_read_and_deleted_at_once() {
    for server in TestServer::on_each_engine().await {
        for name in ["/b", "a", "/c/d"] {
            put(&server, name, "v").await;
        }
        let asked = json!({"Names": ["/c/d", "/b", "a", "/b", "none", "a:9", "c/d"]});
        let found = server.answer("GetParameters", asked).await;
        assert_eq!(names(&found["Parameters"]), ["/b", "/c/d", "a"]);
        assert_eq!(found["InvalidParameters"], json!(["a:9", "c/d", "none"]));
        let gone = server.answer("DeleteParameters", json!({"Names": ["a", "/b", "none", "a b"]})).await;
        assert_eq!(gone, json!({"DeletedParameters": ["/b", "a"], "InvalidParameters": ["a b", "none"]}));
        let found = server.answer("DescribeParameters", json!({})).await;
        assert_eq!(names(&found["Parameters"]), ["/c/d"]);
    }
}

#[tokio::test]
async fn lists_are_filtered_and_paged() {
    for server in TestServer::on_each_engine().await {
        for name in ["/a/b", "/a/b/c", "/a/b/d/e", "/ab", "x"] {
            put(&server, name, "v").await;
        }
        let secret = json!({"Name": "/a/s", "Value": "v", "Type": "SecureString", "Tier": "Advanced",
            "Tags": [{"Key": "Env", "Value": "prod"}]});
        server.answer("PutParameter", secret).await;
        let label = json!({"Name": "/a/b/c", "Labels": ["prod"]});
        server.answer("LabelParameterVersion", label).await;
        let newer = json!({"Name": "/a/b/c", "Value": "w", "Overwrite": true});
        server.answer("PutParameter", newer).await;

        let filter = |key: &str, option: &str, values: &[&str]| {
            let mut filter = json!({"Key": key, "Values": values});
            if !option.is_empty() {
                filter["Option"] = option.into();
            }
            filter
        };
        let described: [(Value, &[&str]); 13] = [
            (filter("Name", "", &["ab", "/x"]), &["/ab", "x"]),
            (filter("Name", "BeginsWith", &["/a/b"]), &["/a/b", "/a/b/c", "/a/b/d/e"]),
            (filter("Name", "Contains", &["b"]), &["/a/b", "/a/b/c", "/a/b/d/e", "/ab"]),
            (filter("Type", "Equals", &["SecureString"]), &["/a/s"]),
            (filter("Type", "BeginsWith", &["Sec"]), &["/a/s"]),
            (filter("KeyId", "", &["alias/aws/ssm"]), &["/a/s"]),
            (filter("Path", "", &["/a"]), &["/a/b", "/a/s"]),
            (filter("Path", "OneLevel", &["/a/b/"]), &["/a/b/c"]),
            (filter("Path", "Recursive", &["/a/b"]), &["/a/b/c", "/a/b/d/e"]),
            (filter("Tier", "", &["Advanced"]), &["/a/s"]),
            (filter("DataType", "", &["aws:ec2:image"]), &[]),
            (filter("tag:Env", "", &["prod"]), &["/a/s"]),
            (json!({"Key": "tag:Env"}), &["/a/s"]),
        ];
        for (filter, expected) in described {
            let found = server.answer("DescribeParameters", json!({"ParameterFilters": [filter]})).await;
            assert_eq!(names(&found["Parameters"]), expected, "{filter}");
        }
        let old =
            json!({"Filters": [{"Key": "Name", "Values": ["/a/b/"]}, {"Key": "Type", "Values": ["Str"]}]});
        assert_eq!(
            names(&server.answer("DescribeParameters", old).await["Parameters"]),
            ["/a/b/c", "/a/b/d/e"]
        );
        assert_eq!(
            server.answer("DescribeParameters", json!({"Shared": true})).await["Parameters"],
            json!([])
        );
        let all = server.pages("DescribeParameters", json!({}), "Parameters", 2).await;
        assert_eq!(names(&Value::Array(all)), ["/a/b", "/a/b/c", "/a/b/d/e", "/a/s", "/ab", "x"]);

        let by_path: [(Value, &[&str]); 7] = [
            (json!({"Path": "/"}), &["/ab", "x"]),
            (json!({"Path": "/a"}), &["/a/b", "/a/s"]),
            (json!({"Path": "/a", "Recursive": true}), &["/a/b", "/a/b/c", "/a/b/d/e", "/a/s"]),
            (json!({"Path": "/none"}), &[]),
            (
                json!({"Path": "/a", "Recursive": true, "ParameterFilters": [filter("Type", "", &["SecureString"])]}),
                &["/a/s"],
            ),
            (
                json!({"Path": "/a", "Recursive": true, "ParameterFilters": [filter("KeyId", "BeginsWith", &["alias"])]}),
                &["/a/s"],
            ),
            (
                json!({"Path": "/a/b", "ParameterFilters": [filter("Label", "Equals", &["prod"])]}),
                &["/a/b/c"],
            ),
        ];
        for (request, expected) in by_path {
            let found = server.answer("GetParametersByPath", request.clone()).await;
            assert_eq!(names(&found["Parameters"]), expected, "{request}");
        }
        let labelled = json!({"Path": "/a/b", "ParameterFilters": [filter("Label", "", &["prod"])]});
        let labelled = &server.answer("GetParametersByPath", labelled).await["Parameters"][0];
        assert_eq!((&labelled["Version"], &labelled["Selector"]), (&json!(1), &json!(":prod")));
        let all = json!({"Path": "/", "Recursive": true});
        let all = server.pages("GetParametersByPath", all, "Parameters", 1).await;
        assert_eq!(all.len(), 6);

        let key = |operation: &str, filters: Value| (operation.to_owned(), filters, "InvalidFilterKey");
        let (describe, by_path) = ("DescribeParameters", "GetParametersByPath");
        let twice = json!([filter("Type", "", &["String"]), filter("Type", "", &["StringList"])]);
        let rows = [
            key(describe, json!([filter("Label", "", &["x"])])),
            key(describe, twice),
            key(by_path, json!([filter("Name", "", &["x"])])),
            key(by_path, json!([filter("tag:x", "", &["x"])])),
            (describe.to_owned(), json!([filter("Name", "Near", &["x"])]), "InvalidFilterOption"),
            (describe.to_owned(), json!([filter("Path", "Equals", &["/x"])]), "InvalidFilterOption"),
            (describe.to_owned(), json!([filter("Type", "Contains", &["String"])]), "InvalidFilterOption"),
            (by_path.to_owned(), json!([filter("Label", "BeginsWith", &["x"])]), "InvalidFilterOption"),
            (describe.to_owned(), json!([filter("Type", "", &["Text"])]), "InvalidFilterValue"),
            (describe.to_owned(), json!([{"Key": "Name"}]), "InvalidFilterValue"),
            (by_path.to_owned(), json!([filter("Label", "", &["x", "y"])]), "InvalidFilterValue"),
            (describe.to_owned(), json!([filter("Path", "", &["x"])]), "ValidationException"),
        ];
        for (operation, filters, code) in rows {
            let mut request = json!({"ParameterFilters": filters});
            if operation == by_path {
                request["Path"] = "/".into();
            }
            refused(&server, &operation, request, code, "").await;
        }
        let both = json!({"Filters": [{"Key": "Name", "Values": ["x"]}], "ParameterFilters": [filter("Name", "", &["x"])]});
        refused(&server, describe, both, "ValidationException", "either Filters or ParameterFilters").await;
        refused(&server, by_path, json!({"Path": "a"}), "ValidationException", "Path").await;
        refused(&server, describe, json!({"NextToken": "none"}), "InvalidNextToken", "").await;
        refused(&server, by_path, json!({"Path": "/", "NextToken": "none"}), "InvalidNextToken", "").await;
    }
}
