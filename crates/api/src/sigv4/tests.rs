//! Signatures that AWS published for its test suite or that botocore makes, and what a verifier must refuse.

use proptest::prelude::*;

use super::*;
use crate::Timestamp;

const KEY_ID: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const HOST: (&str, &str) = ("Host", "example.amazonaws.com");
const UNRESERVED: &str = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

fn at() -> Timestamp {
    parse_time("20150830T123600Z").unwrap()
}

fn credentials(session_token: Option<&str>) -> Credentials {
    Credentials {
        access_key_id: KEY_ID.to_owned(),
        secret_access_key: SECRET.to_owned(),
        session_token: session_token.map(str::to_owned),
    }
}

fn signer<'a>(credentials: &'a Credentials, service: &'a str) -> Signer<'a> {
    let style = if service == "s3" { PathStyle::ObjectKey } else { PathStyle::Normalized };
    Signer { credentials, region: "us-east-1", service, style }
}

/// Signs, compares with the published signature, and verifies.
fn check(method: &str, target: &str, headers: &[(&str, &str)], body: &str, expected: &str) {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers = [&[HOST], headers].concat();
    let request = RequestParts { method, path, query, headers: &headers };
    let credentials = credentials(None);
    let hash = payload_hash(body.as_bytes());

    let added = signer(&credentials, "service").sign(&request, &hash, at()).unwrap();
    let (_, authorization) = added.last().unwrap();
    assert_eq!(authorization.split_once("Signature=").unwrap().1, expected, "{method} {target}");

    let sent: Vec<(&str, &str)> =
        headers.iter().copied().chain(added.iter().map(|(k, v)| (*k, v.as_str()))).collect();
    let request = RequestParts { headers: &sent, ..request };
    let presented = Presented::from_request(&request).unwrap();
    let key = SigningKey::derive(SECRET, &presented.scope);
    assert_eq!(presented.verify(&request, &hash, PathStyle::Normalized, &key), Ok(()));
    assert_eq!(presented.access_key_id, KEY_ID);
}

#[test]
fn signs_as_the_published_suite_does() {
    let vanilla = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
    let get = |target: &str, expected: &str| check("GET", target, &[], "", expected);
    get("/", vanilla);
    get("", vanilla);
    get("/?Param2=value2&Param1=value1", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500");
    get("/?Param1=value2&Param1=value1", "5772eed61e12b33fae39ee5e7012498b51d56abc0abb7c60486157bd471c4694");
    get(
        "/?Param-3=Value3&Param=Value2&%E1%88%B4=Value1",
        "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac",
    );
    get("/?Param1", "506693d22b79f51760ff2217fe207bb63f86e8f316bf6c217a3c65d33d15410a");
    get(
        &format!("/?{UNRESERVED}={UNRESERVED}"),
        "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197",
    );
    get("/?ሴ=bar", "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04");
    get("/?%e1%88%b4=b%61r", "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04");
    get(&format!("/{UNRESERVED}"), "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f");
    get("/ሴ", "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85");
    get("/example space/", "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741");
    get("/example%20space/", "446b817944c553435b35e813c261ff4e161fff982d1bacdef1c87f6785dd1662");
    get("/example/..", vanilla);
    get("/example1/example2/../..", vanilla);
    get("/../..", vanilla);
    get("/./", vanilla);
    get("//", vanilla);
    get("/./example", "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5");
    get("//example//", "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84");
}

#[test]
fn signs_headers_and_bodies_as_the_published_suite_does() {
    let get = |headers: &[(&str, &str)], expected: &str| check("GET", "/", headers, "", expected);
    get(
        &[("My-Header1", "value2"), ("my-header1", "value2"), ("MY-HEADER1", "value1")],
        "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
    );
    get(
        &[
            ("My-Header1", "value4"),
            ("My-Header1", "value1"),
            ("My-Header1", "value3"),
            ("My-Header1", "value2"),
        ],
        "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01",
    );
    get(
        &[("My-Header1", " value1"), ("My-Header2", " \"a   b   c\"")],
        "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
    );
    let post =
        |headers: &[(&str, &str)], body: &str, expected: &str| check("POST", "/", headers, body, expected);
    post(&[], "", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b");
    post(
        &[("My-Header1", "value1"), ("User-Agent", "never signed")],
        "",
        "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
    );
    post(
        &[("Content-Type", "application/x-www-form-urlencoded")],
        "Param1=value1",
        "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
    );
}

const TOKEN: &str = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRq\
    TflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8\
    YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==";

#[test]
fn signs_session_tokens() {
    let credentials = credentials(Some(TOKEN));
    let request = RequestParts { method: "POST", path: "/", query: "", headers: &[HOST] };
    let added = signer(&credentials, "service").sign(&request, &payload_hash(b""), at()).unwrap();
    assert_eq!(
        added.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
        ["x-amz-date", "x-amz-security-token", "authorization"]
    );
    assert_eq!(
        added[2].1,
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
         SignedHeaders=host;x-amz-date;x-amz-security-token, \
         Signature=85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"
    );
    assert!(!format!("{credentials:?}").contains("wJalr") && !format!("{credentials:?}").contains("AQoD"));
}

#[test]
fn signs_object_keys_as_they_are() {
    let credentials = credentials(None);
    let hash = payload_hash(b"");
    let headers = [HOST, ("X-Amz-Content-SHA256", hash.as_str())];
    let request = RequestParts { method: "GET", path: "/a//b/../c%20d/%C3%A9", query: "", headers: &headers };
    let added = signer(&credentials, "s3").sign(&request, &hash, at()).unwrap();
    assert!(added[1].1.ends_with("=d19cfebb470c062655b4a9323afd59c857570b08b0ceb9c03fd1557371e52e8d"));
}

#[test]
fn presigns_as_botocore_does() {
    let (plain, session) = (credentials(None), credentials(Some("tok/en+=")));
    let request = RequestParts { method: "GET", path: "/", query: "b=2&a=1", headers: &[HOST] };
    let query = signer(&plain, "service").presign(&request, &payload_hash(b""), at(), 900).unwrap();
    assert_eq!(
        query,
        "b=2&a=1&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20150830%2Fus-east-1%2Fservice%2F\
         aws4_request&X-Amz-Date=20150830T123600Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host&X-Amz-Signature=\
         29a480bf725adea89c72a5a6c72c30cdb7d5b9002730b1b897e192cd8f1971f0"
    );
    let request = RequestParts { path: "/a//b%20c", query: "", ..request };
    let query = signer(&session, "s3").presign(&request, UNSIGNED_PAYLOAD, at(), 900).unwrap();
    assert!(query.contains("&X-Amz-Security-Token=tok%2Fen%2B%3D&"));
    assert!(query.ends_with("=10e91ef049d5855af807c167aa8ec255aa257d260c8b27c60c1f2762eb821107"), "{query}");

    let request = RequestParts { query: &query, ..request };
    let presented = Presented::from_request(&request).unwrap();
    assert_eq!(presented.session_token.as_deref(), Some("tok/en+="));
    assert_eq!(presented.placement, Placement::Query { expires_seconds: 900 });
    let key = SigningKey::derive(SECRET, &presented.scope);
    assert_eq!(presented.verify(&request, UNSIGNED_PAYLOAD, PathStyle::ObjectKey, &key), Ok(()));
    assert_eq!(presented.check_time(at().plus_seconds(900)), Ok(()));
    let late = presented.check_time(at().plus_seconds(901)).unwrap_err();
    assert_eq!(
        late.to_string(),
        "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z (20150830T125101Z - 15 min.)"
    );
}

#[test]
fn reads_rsa_signatures_to_the_end_of_the_header() {
    let authorization = "AWS4-HMAC-SHA256 Credential=mi-0123456789abcdef0/20150830/eu-west-1/ssm/aws4_request, \
                         SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=a+b/cQ==";
    let headers = [
        HOST,
        ("Content-Type", "application/x-amz-json-1.1"),
        ("X-Amz-Target", "AmazonSSM.RequestManagedInstanceRoleToken"),
        ("X-Amz-Date", "20150830T123600Z"),
        ("X-Amz-Content-Sha256", "not signed"),
        ("Authorization", authorization),
    ];
    let request = RequestParts { method: "POST", path: "/", query: "", headers: &headers };
    let presented = Presented::from_request(&request).unwrap();
    assert_eq!(presented.access_key_id, "mi-0123456789abcdef0");
    assert_eq!(presented.scope.to_string(), "20150830/eu-west-1/ssm/aws4_request");
    assert_eq!(presented.signature, "a+b/cQ==");
    assert_eq!(presented.rsa_signature().unwrap(), [0x6b, 0xe6, 0xff, 0x71]);
    let text = presented.string_to_sign(&request, &payload_hash(b"{}"), PathStyle::Normalized).unwrap();
    let (head, _) = text.rsplit_once('\n').unwrap();
    assert_eq!(head, "AWS4-HMAC-SHA256\n20150830T123600Z\n20150830/eu-west-1/ssm/aws4_request");
    assert_eq!(presented.check_service("ssm"), Ok(()));
    assert_eq!(
        presented.check_service("sts").unwrap_err().to_string(),
        "Credential should be scoped to correct service: 'sts'."
    );
}

#[test]
fn refuses_clocks_that_are_apart() {
    let now = at();
    assert_eq!(time::check_time(now.plus_seconds(-900), SKEW_SECONDS, now), Ok(()));
    assert_eq!(time::check_time(now.plus_seconds(900), SKEW_SECONDS, now), Ok(()));
    let check = |signed_at: Timestamp, expected: &str| {
        let refusal = time::check_time(signed_at, SKEW_SECONDS, now).unwrap_err();
        assert_eq!((refusal.to_string().as_str(), refusal.code()), (expected, "InvalidSignatureException"));
    };
    check(
        now.plus_seconds(-901),
        "Signature expired: 20150830T122059Z is now earlier than 20150830T122100Z (20150830T123600Z - 15 min.)",
    );
    check(
        now.plus_seconds(901),
        "Signature not yet current: 20150830T125101Z is still later than 20150830T125100Z (20150830T123600Z + 15 min.)",
    );
}

#[test]
fn reads_both_date_forms() {
    assert_eq!(parse_time("Sun, 30 Aug 2015 12:36:00 GMT"), Some(at()));
    assert_eq!(format_time(at()), "20150830T123600Z");
    for text in
        ["", "2015-08-30T12:36:00Z", "20151330T123600Z", "20150830T123600", "soon", "20150830T12360éZ"]
    {
        assert_eq!(parse_time(text), None, "{text}");
    }
}

fn refusal(authorization: &str, date: &str) -> Refusal {
    let headers = [HOST, ("X-Amz-Date", date), ("Authorization", authorization)];
    let request = RequestParts { method: "GET", path: "/", query: "", headers: &headers };
    Presented::from_request(&request).unwrap_err()
}

#[test]
fn says_what_is_wrong_with_a_header() {
    let date = "20150830T123600Z";
    let check = |authorization: &str, code: &str, part: &str| {
        let refusal = refusal(authorization, date);
        assert_eq!(refusal.code(), code, "{authorization}: {refusal}");
        assert!(refusal.to_string().contains(part), "{authorization}: {refusal}");
    };
    let scope = "AKID/20150830/us-east-1/ssm/aws4_request";
    let incomplete = "IncompleteSignatureException";
    check("Bearer abc", incomplete, "Unsupported AWS 'algorithm'");
    check("AWS4-HMAC-SHA256", incomplete, "requires 'Credential'");
    check("AWS4-HMAC-SHA256 nonsense", incomplete, "'nonsense' not a valid key=value pair");
    check(&format!("AWS4-HMAC-SHA256 Credential={scope}"), incomplete, "requires 'SignedHeaders'");
    check(
        &format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host"),
        incomplete,
        "requires 'Signature'",
    );
    check(
        &format!("AWS4-HMAC-SHA256 Credential={scope}, Credential={scope}"),
        incomplete,
        "'Credential' is twice",
    );
    check("AWS4-HMAC-SHA256 Credential=AKID/x/y", incomplete, "exactly 5 slash-delimited elements");
    check("AWS4-HMAC-SHA256 Credential=/20150830/r/s/aws4_request", incomplete, "an empty element");
    let invalid = "InvalidSignatureException";
    check("AWS4-HMAC-SHA256 Credential=AKID/20150830/r/s/aws5", invalid, "valid terminator: 'aws4_request'");
    let rest = "SignedHeaders=host;x-amz-date, Signature=00";
    check(
        &format!("AWS4-HMAC-SHA256 Credential=AKID/20150831/r/s/aws4_request, {rest}"),
        invalid,
        "'20150831' != '20150830', from '20150830T123600Z'",
    );
    check(
        &format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=x-amz-date, Signature=00"),
        invalid,
        "'Host' or ':authority' must be a 'SignedHeader'",
    );
    assert_eq!(
        refusal(&format!("AWS4-HMAC-SHA256 Credential={scope}, {rest}"), "soon").to_string(),
        "Date must be in ISO-8601 'basic format'. Got 'soon'."
    );
}

#[test]
fn refuses_requests_without_proof() {
    let bare = RequestParts { method: "GET", path: "/", query: "a=1", headers: &[HOST] };
    assert_eq!(Presented::from_request(&bare), Err(Refusal::Missing));
    let check = |query: &str, part: &str| {
        let refusal = Presented::from_request(&RequestParts { query, ..bare }).unwrap_err();
        assert!(refusal.to_string().contains(part), "{query}: {refusal}");
    };
    check("X-Amz-Algorithm=AWS4-HMAC-SHA256", "must include 'X-Amz-Credential'");
    check("X-Amz-Algorithm=AWS5", "Unsupported");
    let good = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=A%2F20150830%2Fr%2Fs%2Faws4_request";
    for expires in ["0", "604801", "-5", "x", "99999999999999999999"] {
        check(&format!("{good}&X-Amz-Expires={expires}"), "X-Amz-Expires must be between 1 and 604800");
    }
}

#[test]
fn refuses_a_target_that_is_not_signed() {
    let credentials = credentials(None);
    let request = RequestParts { method: "POST", path: "/", query: "", headers: &[HOST] };
    let added = signer(&credentials, "ssm").sign(&request, &payload_hash(b"{}"), at()).unwrap();
    let mut headers = vec![HOST, ("X-Amz-Target", "AmazonSSM.DeleteActivation")];
    headers.extend(added.iter().map(|(name, value)| (*name, value.as_str())));
    let request = RequestParts { headers: &headers, ..request };
    let refusal = Presented::from_request(&request).unwrap_err();
    assert_eq!(refusal.to_string(), "'X-Amz-Target' must be a 'SignedHeader'.");
}

/// One signed request, as owned text, so that single bytes of it can be changed.
#[derive(Clone, Debug)]
struct Sent {
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Sent {
    fn with_parts<T>(&self, use_parts: impl FnOnce(&RequestParts<'_>) -> T) -> T {
        let headers: Vec<(&str, &str)> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        use_parts(&RequestParts {
            method: &self.method,
            path: &self.path,
            query: &self.query,
            headers: &headers,
        })
    }

    fn sign(mut self) -> Self {
        let hash = payload_hash(&self.body);
        let credentials = credentials(Some("token"));
        let added = self.with_parts(|parts| signer(&credentials, "ssm").sign(parts, &hash, at())).unwrap();
        self.headers.extend(added.into_iter().map(|(name, value)| (name.to_owned(), value)));
        self
    }

    fn verify(&self) -> Result<(), Refusal> {
        self.with_parts(|parts| {
            let presented = Presented::from_request(parts)?;
            presented.check_service("ssm")?;
            presented.check_time(at())?;
            let key = SigningKey::derive(SECRET, &presented.scope);
            presented.verify(parts, &payload_hash(&self.body), PathStyle::Normalized, &key)?;
            // Who signed is proven only together with the key that belongs to the id.
            if presented.access_key_id == KEY_ID { Ok(()) } else { Err(Refusal::Mismatch) }
        })
    }
}

fn sent() -> impl Strategy<Value = Sent> {
    let segment = "[a-zA-Z0-9_~%é -]{1,8}";
    let value = "[!-~]([ -~é]{0,12}[!-~])?";
    (
        prop_oneof!["GET", "POST", "PUT"],
        proptest::collection::vec(segment, 0..4),
        proptest::collection::vec(("[a-zA-Z0-9.é+%-]{1,6}", "[a-zA-Z0-9.é+%=/-]{0,6}"), 0..4),
        proptest::collection::vec(("x-custom-[a-z]{1,4}", value), 0..4),
        proptest::collection::vec(any::<u8>(), 0..64),
    )
        .prop_map(|(method, segments, pairs, extra, body)| {
            let pairs: Vec<String> = pairs.iter().map(|(key, value)| format!("{key}={value}")).collect();
            let mut headers = vec![
                ("Host".to_owned(), "localhost:8080".to_owned()),
                ("X-Amz-Target".to_owned(), "AmazonSSM.ListCommands".to_owned()),
            ];
            headers.extend(extra);
            let path = format!("/{}", segments.join("/"));
            Sent { method, path, query: pairs.join("&"), headers, body }
        })
}

proptest! {
    #[test]
    fn what_is_signed_verifies(sent in sent()) {
        prop_assert_eq!(sent.sign().verify(), Ok(()));
    }

    #[test]
    fn no_changed_byte_verifies(sent in sent(), part in 0usize..6, at in any::<prop::sample::Index>(), bit in 0u8..7) {
        let original = sent.sign();
        let mut changed = original.clone();
        let flip = |text: &mut String| {
            let mut bytes = text.clone().into_bytes();
            if !bytes.is_empty() {
                let i = at.index(bytes.len());
                bytes[i] ^= 1 << bit;
                if let Ok(flipped) = String::from_utf8(bytes) {
                    *text = flipped;
                }
            }
        };
        match part {
            0 => flip(&mut changed.method),
            1 => flip(&mut changed.path),
            2 => flip(&mut changed.query),
            3 => {
                let i = at.index(changed.headers.len());
                flip(&mut changed.headers[i].1);
            }
            4 => flip(&mut changed.headers.last_mut().unwrap().1),
            _ if changed.body.is_empty() => changed.body.push(0),
            _ => {
                let i = at.index(changed.body.len());
                changed.body[i] ^= 1 << bit;
            }
        }
        // A change may write the same request in another way: `%61` for `a`, or one more blank.
        let meaning = |sent: &Sent| sent.with_parts(|parts| {
            let presented = Presented::from_request(parts)?;
            let text = presented.string_to_sign(parts, &payload_hash(&sent.body), PathStyle::Normalized)?;
            Ok::<_, Refusal>((presented, text))
        });
        if meaning(&changed) != meaning(&original) {
            prop_assert!(changed.verify().is_err(), "{:?}", changed);
        }
    }

    #[test]
    fn no_header_or_query_panics(authorization in ".{0,120}", query in ".{0,120}", date in ".{0,20}") {
        let headers = [HOST, ("x-amz-date", date.as_str()), ("authorization", authorization.as_str())];
        let request = RequestParts { method: "GET", path: &query, query: &query, headers: &headers };
        let _ = Presented::from_request(&request);
        let _ = Presented::from_request(&RequestParts { headers: &[HOST], ..request });
        let _ = canonical_request(&request, &["host".to_owned()], "", PathStyle::ObjectKey);
        let _ = canonical_request(&request, &["host".to_owned()], "", PathStyle::Normalized);
    }
}
